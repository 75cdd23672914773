// A real browser makes an account on the way to a client, with a code that comes by mail, and replaces its password when it is forgotten.
//
//   firman serve --demo … --json | head -n 1 | node mail.mjs MAIL_FOLDER SCREENSHOT_FOLDER
//
// Standard input is the line the server printed when it was ready; what it mails comes into the folder, a file each. One line per step
// goes to standard output; the first step that fails ends the run with exit code 1. FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Person } from './person.mjs'
import { RedirectListener } from './redirect-listener.mjs'
import { step, walk } from './steps.mjs'

const ready = JSON.parse(await text(process.stdin))
const [mails, screenshots] = process.argv.slice(2)
assert(mails && screenshots, 'usage: node mail.mjs MAIL_FOLDER SCREENSHOT_FOLDER < READY_LINE')
const security = `${ready.issuer}/account/security`
const [address, username] = ['newcomer@people.example', 'newcomer']
const [first, second, third] = ['correct horse battery staple', 'staple battery horse correct', 'horse staple correct battery']
// RFC 7636 Appendix B.
const [verifier, challenge] = ['dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM']

const read = new Set()
let listener
await walk(main, () => listener?.close())

async function main() {
  listener = await RedirectListener.start(ready.redirect_uri)
  const person = await Person.open(screenshots)
  try {
    await person.session({ javaScript: false }, async here => {
      await makeAccount(here)
      await person.session({ javaScript: false }, forget)
      await step('the first browser is signed out', async () => {
        await here.page.goto(security)
        assert(await here.page.$('#login-form'), here.page.url())
      })
    })
    const openElsewhere = visit => person.session({ javaScript: false }, visit)
    await person.session({ javaScript: false }, visit => forgetElsewhere(visit, openElsewhere))
    await person.session({ javaScript: false }, proveAnother)
  } finally {
    await person.close()
  }
}

async function makeAccount({ page, photograph }) {
  await step('prompt=create leads to where accounts are made', async () => {
    await page.goto(authorize({ prompt: 'create' }))
    assert.match(page.url(), /\/login\/sign-up\?/)
    await photograph('sign-up')
    await page.type('#email', address)
    await press(page, '#sign-up-submit')
  })
  await step('the code of the mail makes an account, and the client goes on', async () => {
    const [code] = (await mailTo(address)).match(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/m)
    await type(page, { code, username, new: first, again: first })
    await photograph('sign-up-code')
    await press(page, '#sign-up-submit')
    assert(await page.$('#consent-allow'), page.url())
  })
  await step('the address is proved', async () => {
    await page.goto(security)
    assert.equal(await page.$eval('#security-email', element => element.textContent), address)
    await photograph('security-with-address')
  })
}

async function forget({ page, photograph }) {
  await step('on the way to a client, a link for a forgotten password is asked for', () => askForLink(page, photograph))
  await step('the link of the mail takes a new one, with which the client gets its code', async () => {
    const link = linkOf(await mailTo(address))
    await page.goto(link)
    await photograph('reset')
    await type(page, { new: second, again: second })
    await press(page, '#reset-submit')
    await reach(page, second)
    const used = await page.goto(link)
    assert.equal(used.status(), 410, 'a link is good once')
    assert.match(await mailTo(address), new RegExp(`The account ${username} has another password now.`))
  })
}

/** The link is opened in another browser than the one that waits for it. */
async function forgetElsewhere({ page, photograph }, openElsewhere) {
  await step('a link is asked for in one browser', () => askForLink(page, photograph))
  await openElsewhere(async elsewhere => {
    await step('it is opened in another, which is told to go back', async () => {
      await elsewhere.page.goto(linkOf(await mailTo(address)))
      await type(elsewhere.page, { new: third, again: third })
      await press(elsewhere.page, '#reset-submit')
      assert.match(await elsewhere.page.$eval('main', main => main.textContent), /Go back to the browser/)
      assert.equal(await elsewhere.page.$('#login-form'), null)
      await elsewhere.photograph('reset-elsewhere')
      await mailTo(address)
    })
  })
  await step('in the first browser the client gets its code', async () => {
    await press(page, '#forgot-back')
    await reach(page, third)
  })
}

async function askForLink(page, photograph) {
  await page.goto(authorize({}))
  await press(page, '#forgot-password')
  await photograph('forgot')
  await type(page, { username: address })
  await press(page, '#forgot-submit')
  assert.equal(await page.$('#forgot-form'), null)
  await photograph('forgot-sent')
}

/** From the login page of a request to its client. */
async function reach(page, password) {
  const arrival = listener.next()
  await type(page, { username, password })
  await Promise.all([page.waitForNavigation().catch(() => {}), page.click('#login-submit')])
  if (await page.$('#consent-allow')) await Promise.all([page.waitForNavigation().catch(() => {}), page.click('#consent-allow')])
  const { searchParams } = await arrival
  assert.equal(searchParams.get('state'), 's')
  const form = new URLSearchParams({
    grant_type: 'authorization_code', code: searchParams.get('code'), redirect_uri: listener.uri, code_verifier: verifier,
  })
  const basic = Buffer.from(`${ready.client_id}:${ready.client_secret}`).toString('base64')
  const answer = await fetch(`${ready.issuer}/oauth2/token`, { method: 'POST', body: form, headers: { authorization: `Basic ${basic}` } })
  assert((await answer.json()).access_token)
}

async function proveAnother({ page, photograph }) {
  const another = 'another@people.example'
  await step('the password until then does not sign in, the new one does', async () => {
    await page.goto(security)
    await signIn(page, second)
    assert(await page.$('#login-problem'), page.url())
    await page.$eval('#username', element => element.select())
    await signIn(page, third)
    assert.equal(page.url(), security)
  })
  await step('another address is proved by its link', async () => {
    await press(page, '#email-change')
    await photograph('email')
    await type(page, { email: another })
    await press(page, '#email-submit')
    assert(await page.$('#security-news'), page.url())
    await page.goto(linkOf(await mailTo(another)))
    await photograph('confirm')
    await press(page, '#confirm-submit')
    await page.goto(security)
    assert.equal(await page.$eval('#security-email', element => element.textContent), another)
    assert.match(await mailTo(address), /This is no longer the confirmed e-mail address/)
  })
}

async function signIn(page, password) {
  await type(page, { username, password })
  await press(page, '#login-submit')
}

async function type(page, fields) {
  for (const [id, value] of Object.entries(fields)) await page.type(`#${id}`, value)
}

async function press(page, selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)])
}

/** The next mail to this address that nobody has read. */
async function mailTo(to) {
  const watcher = watch(mails)
  const late = AbortSignal.timeout(20_000)
  try {
    for (;;) {
      for (const name of await readdir(mails)) {
        if (name.startsWith('.') || read.has(name)) continue
        const mail = await readFile(join(mails, name), 'utf8')
        if (!mail.includes(`\nTo: ${to}\n`)) continue
        read.add(name)
        return decoded(mail)
      }
      await once(watcher, 'change', { signal: late })
    }
  } finally {
    watcher.close()
  }
}

// RFC 2045 §6.7.
function decoded(mail) {
  const end = mail.indexOf('\n\n')
  const [head, body] = [mail.slice(0, end), mail.slice(end)]
  if (!/^content-transfer-encoding: quoted-printable$/im.test(head)) return mail
  const bytes = body.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, byte) => String.fromCharCode(parseInt(byte, 16)))
  return head + Buffer.from(bytes, 'latin1').toString('utf8')
}

function linkOf(mail) {
  const [link] = mail.match(/^http\S+$/m)
  assert(link.startsWith(`${ready.issuer}/`), link)
  return link
}

function authorize(more) {
  const url = new URL(`${ready.issuer}/oauth2/authorize`)
  url.search = new URLSearchParams({
    response_type: 'code', client_id: ready.client_id, redirect_uri: listener.uri, scope: 'openid email', state: 's', nonce: 'n',
    code_challenge: challenge, code_challenge_method: 'S256', ...more,
  })
  return url.href
}
