// A person at a browser: reads the page, types, presses, and looks at it in light and dark, on a desk and on a phone.

import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from './steps.mjs'

const WIDTHS = { desktop: 1280, phone: 390 }
const SCHEMES = ['light', 'dark']

export class Person {
  #browser
  #folder
  #photographed = new Set()

  static async open(folder) {
    const person = new Person()
    await mkdir(folder, { recursive: true })
    person.#folder = folder
    person.#browser = await chromium()
    return person
  }

  /** Runs `visit` with a page of a fresh session: no cookies of an earlier one. */
  async session({ javaScript }, visit) {
    const context = await this.#browser.createBrowserContext()
    const page = await context.newPage()
    await page.setJavaScriptEnabled(javaScript)
    page.setDefaultTimeout(20_000)
    try {
      return await visit(new Visit(page, name => this.#photograph(page, name)))
    } finally {
      await context.close()
    }
  }

  async close() {
    await this.#browser.close()
  }

  async #photograph(page, name) {
    if (this.#photographed.has(name)) return
    this.#photographed.add(name)
    for (const scheme of SCHEMES) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      for (const [device, width] of Object.entries(WIDTHS)) {
        await page.setViewport({ width, height: 844, deviceScaleFactor: 1 })
        const path = join(this.#folder, `${name}-${scheme}-${device}.webp`)
        await page.screenshot({ path, type: 'webp', quality: 50, fullPage: true })
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        assert(overflow <= 0, `the ${name} page is ${overflow} px too wide at ${width} px`)
      }
    }
  }
}

class Visit {
  constructor(page, photograph) {
    this.page = page
    this.photograph = photograph
  }

  /** Follows `url` through the login and consent pages to the client; tells which pages there were. */
  async signIn(url, username, password, { allow = true } = {}) {
    await this.page.goto(url.href)
    const pages = []
    if (await this.page.$('#login-form')) {
      pages.push('login')
      await this.photograph('login')
      await this.page.type('#username', username)
      await this.page.type('#password', password)
      await this.#press('#login-submit')
    }
    if (await this.page.$('#consent-allow')) {
      pages.push('consent')
      await this.photograph('consent')
      await this.#press(allow ? '#consent-allow' : '#consent-deny')
    }
    if (await this.page.$('#oauth-error, #login-form, #consent-allow')) {
      throw new Error(`after ${pages.join(' and ') || 'nothing'} there is still a page: ${await this.#visibleText()}`)
    }
    return pages
  }

  async seeErrorPage(url) {
    const response = await this.page.goto(url.href)
    assert.equal(response.request().redirectChain().length, 0, 'no redirect')
    assert.equal(response.status(), 400)
    const box = await this.page.$('#oauth-error')
    assert(box && await box.isVisible(), 'a visible #oauth-error')
    assert.match(await box.evaluate(element => element.innerText), /cannot continue/i)
    await this.photograph('error')
  }

  async #press(selector) {
    await Promise.all([this.page.waitForNavigation(), this.page.click(selector)])
  }

  async #visibleText() {
    return this.page.evaluate(() => document.body.innerText.slice(0, 500))
  }
}
