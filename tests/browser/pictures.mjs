// Looks at samples of pages in a real browser, in light and dark, on a desk and on a phone: axe finds nothing serious, and nothing is
// wider than the screen. Pages in other languages than the first (NAME.LANGUAGE.html) look the same but for their words, so they are
// looked at once. With a second folder, pictures are left there.
//
//   node pictures.mjs FOLDER_OF_PAGES [FOLDER_OF_PICTURES]
//
// FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { mustBeAccessible } from './axe.mjs'
import { chromium } from './steps.mjs'

const WIDTHS = { desktop: 1280, phone: 390 }
const SCHEMES = ['light', 'dark']
const KINDS = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.svg': 'image/svg+xml', '.js': 'text/javascript' }
// Scripts are left out: a page that posts itself would be gone.
const POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data: https:; frame-ancestors 'none'; base-uri 'none'"

const [folder, pictures] = process.argv.slice(2)
assert(folder, 'usage: node pictures.mjs FOLDER_OF_PAGES [FOLDER_OF_PICTURES]')
if (pictures) await mkdir(pictures, { recursive: true })

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, 'http://localhost').pathname)
  try {
    const body = await readFile(join(folder, path))
    response.writeHead(200, { 'content-type': KINDS[extname(path)] ?? 'text/plain', 'content-security-policy': POLICY })
    response.end(body)
  } catch {
    response.writeHead(404).end()
  }
})
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
const home = `http://127.0.0.1:${server.address().port}`

const browser = await chromium()
try {
  const names = (await readdir(folder)).filter(name => name.endsWith('.html')).sort()
  assert(names.length > 0, `no pages in ${folder}`)
  const page = await browser.newPage()
  for (const name of names) {
    await look(page, name.slice(0, -'.html'.length))
    console.log(`ok  ${name}`)
  }
} finally {
  await browser.close()
  server.close()
}

async function look(page, name) {
  const [schemes, widths] = name.includes('.') ? [['light'], { phone: WIDTHS.phone }] : [SCHEMES, WIDTHS]
  for (const scheme of schemes) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    for (const [device, width] of Object.entries(widths)) {
      await page.setViewport({ width, height: 844, deviceScaleFactor: 1 })
      await page.goto(`${home}/${name}.html`)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      assert(overflow <= 0, `${name} is ${overflow} px too wide at ${width} px`)
      await mustBeAccessible(page, `${name}, ${scheme}, ${device}`)
      if (!pictures) continue
      // No caret: two pictures of one page are the same.
      await page.evaluate(() => document.activeElement?.blur())
      const path = join(pictures, `${name}-${scheme}-${device}.webp`)
      await page.screenshot({ path, type: 'webp', quality: 50, fullPage: true })
    }
  }
}
