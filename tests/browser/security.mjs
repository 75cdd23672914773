// A real browser on the pages of one's own account: password, authenticator app, passkey (Chromium's virtual authenticator).
//
//   firman serve --demo … --json | head -n 1 | node security.mjs SCREENSHOT_FOLDER
//
// Standard input is the line the server printed when it was ready; its issuer has a name, because passkeys belong to names. One line
// per step goes to standard output; the first step that fails ends the run with exit code 1. FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { Person } from './person.mjs'
import { step, walk } from './steps.mjs'

const ready = JSON.parse(await text(process.stdin))
const screenshots = process.argv[2]
assert(screenshots, 'usage: node security.mjs SCREENSHOT_FOLDER < READY_LINE')
const security = `${ready.issuer}/account/security`

await walk(main)

async function main() {
  const person = await Person.open(screenshots)
  try {
    const secret = await person.session({ javaScript: false }, addApp)
    await person.session({ javaScript: false }, visit => signInWithApp(visit, secret))
    await person.session({ javaScript: true }, visit => usePasskey(visit, secret))
  } finally {
    await person.close()
  }
}

async function addApp({ page, photograph }) {
  await step('the password signs in', async () => {
    await page.goto(security)
    await typePassword(page)
    assert.equal(page.url(), security)
  })
  return step('an app is added', async () => {
    await press(page, '#app-add')
    const secret = await page.$eval('.app-shown', element => element.textContent)
    await photograph('app')
    await page.type('#code', code(secret, 0))
    await press(page, '#app-submit')
    assert.equal((await page.$$('.recovery-shown')).length, 10)
    await photograph('recovery-codes')
    return secret
  })
}

async function signInWithApp({ page, photograph }, secret) {
  await step('the password alone does not sign in, the code does', async () => {
    await page.goto(security)
    await typePassword(page)
    assert.match(page.url(), /\/login\/code\?/)
    await photograph('second-step')
    await page.type('#code', code(secret, 0))
    await press(page, '#second-submit')
    assert(await page.$('#second-problem'), 'a code is good once')
    await page.type('#code', code(secret, 1))
    await press(page, '#second-submit')
    assert.equal(page.url(), security)
    await press(page, '#app-remove')
    assert(await page.$('#app-add'))
  })
}

async function usePasskey({ page, photograph }) {
  const browser = await page.createCDPSession()
  await browser.send('WebAuthn.enable')
  const { authenticatorId } = await browser.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    },
  })
  await step('a passkey is added', async () => {
    await page.goto(security)
    await typePassword(page)
    await press(page, '#passkey-new')
    await page.type('#passkey-name', 'This browser')
    await photograph('passkey-new')
    await press(page, '#passkey-submit')
    assert(await page.$('#security-news'), await page.evaluate(() => document.body.innerText))
    assert.equal(await page.$eval('.passkey-name', element => element.textContent), 'This browser')
    await photograph('security')
  })
  const leave = () => browser.send('Network.clearBrowserCookies')
  await step('it signs in to a page of ours', async () => {
    await leave()
    await page.goto(security)
    await press(page, '#passkey-submit')
    assert.equal(page.url(), security)
  })
  await step('it signs in on the way to a client', async () => {
    await leave()
    await page.goto(ready.authorize_url ?? authorize())
    await photograph('login-with-passkey')
    await press(page, '#passkey-submit')
    assert(await page.$('#consent-allow'), page.url())
  })
  await step('a copy of it whose counter is behind does not', async () => {
    await leave()
    const { credentials: [credential] } = await browser.send('WebAuthn.getCredentials', { authenticatorId })
    assert(credential.signCount > 1)
    await browser.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId })
    const copy = { ...credential, signCount: 0 }
    await browser.send('WebAuthn.addCredential', { authenticatorId, credential: copy })
    await page.goto(security)
    await press(page, '#passkey-submit')
    assert(await page.$('#login-problem'), page.url())
  })
  await step('a browser that refuses says so on the page', async () => {
    await browser.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    await page.goto(security)
    await page.click('#passkey-submit')
    await page.waitForSelector('[data-problem]:not([hidden])')
  })
}

function authorize() {
  const url = new URL(`${ready.issuer}/oauth2/authorize`)
  url.search = new URLSearchParams({
    response_type: 'code', client_id: ready.client_id, redirect_uri: ready.redirect_uri, scope: 'openid', state: 's', nonce: 'n',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', prompt: 'consent',
  })
  return url.href
}

async function typePassword(page) {
  await page.type('#username', ready.username)
  await page.type('#password', ready.password)
  await press(page, '#login-submit')
}

async function press(page, selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)])
}

// RFC 6238 §4.2, so many steps from now.
function code(secret, steps) {
  const bits = [...secret].map(letter => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map(byte => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps))
  const mac = createHmac('sha1', key).update(counter).digest()
  const word = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff
  return String(word % 1_000_000).padStart(6, '0')
}
