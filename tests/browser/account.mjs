// A real browser where people decide: consent, what is new beside it, with which account, devices with the code typed and scanned, the account page on which
// an application is withdrawn, and API keys. axe looks at every page on the way.
//
//   node account.mjs < READY_LINE
//
// The server lets API keys be for "profile", and devices ask every second. One line per step goes to standard output; the first step that
// fails ends the run with exit code 1. FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import * as client from 'openid-client'
import { mustBeAccessible } from './axe.mjs'
import { RedirectListener } from './redirect-listener.mjs'
import { chromium, step, walk } from './steps.mjs'

const http = { execute: [client.allowInsecureRequests] }
const ready = JSON.parse(await text(process.stdin))
const issuer = new URL(ready.issuer)

let browser, listener
await walk(main, async () => {
  await browser?.close()
  await listener?.close()
})

async function main() {
  browser = await chromium()
  listener = await RedirectListener.start(ready.redirect_uri)
  const config = await client.discovery(issuer, ready.client_id, ready.client_secret, undefined, http)
  const service = await client.discovery(issuer, ready.service_client_id, ready.service_client_secret, undefined, http)
  const page = await browser.newPage()
  page.setDefaultTimeout(20_000)

  await step('somebody signs in and allows an application what it asks for', async () => {
    const asked = await request(config, 'openid offline_access')
    await page.goto(asked.url.href)
    await signIn(page, 'login')
    await mustBeAccessible(page, 'consent')
    assert.equal(await page.$('#consent-known'), null, 'nothing was allowed before')
    await finish(config, asked, page)
  })
  const tokens = await step('it asks for more: what is new is told from what was allowed before', async () => {
    const asked = await request(config, 'openid email offline_access')
    await page.goto(asked.url.href)
    await mustBeAccessible(page, 'consent for more')
    const [asks, known] = await Promise.all(['#consent-asks + .scopes', '#consent-known'].map(where =>
      page.$eval(where, element => element.textContent)))
    assert.match(asks, /e-mail/)
    assert.doesNotMatch(asks, /Know that it is you/)
    assert.match(known, /Know that it is you/)
    return finish(config, asked, page)
  })
  await step('it asks for what was allowed, and nobody is asked', async () => {
    const asked = await request(config, 'openid email')
    const arrival = listener.next()
    await page.goto(asked.url.href).catch(() => {})
    await client.authorizationCodeGrant(config, await arrival, asked.checks)
  })
  await step('asked which account: the one that is signed in, or another, or neither', () => selectAccount(config, page))
  await step('a device: the code is typed', () => device(config, page, async codes => {
    await page.goto(codes.verification_uri)
    await mustBeAccessible(page, 'device')
    await page.type('#user-code', codes.user_code.toLowerCase())
  }))
  await step('a device: the code is scanned', () => device(config, page, async codes => {
    await page.goto(codes.verification_uri_complete)
    assert.equal(await page.$eval('#user-code', input => input.value), codes.user_code)
  }))

  const refreshed = await step('the application refreshes', () => client.refreshTokenGrant(config, tokens.refresh_token))
  await step('somebody withdraws it on the account page', async () => {
    await page.goto(`${ready.issuer}/account`)
    await mustBeAccessible(page, 'account')
    const buttons = await page.$$('button[id^="withdraw-"]:not(#withdraw-all)')
    assert.equal(buttons.length, 1, 'one application')
    await Promise.all([page.waitForNavigation(), buttons[0].click()])
    await page.waitForSelector('#account-news')
    await page.waitForSelector('#account-none')
    await mustBeAccessible(page, 'account with nothing allowed')
  })
  await step('its next refresh fails', () =>
    assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), error => error.error === 'invalid_grant'))
  await step('its access token is dead', async () =>
    assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, false))

  await step('an API key is made, shown once, and revoked', () => apiKey(service, page))
  await step('somebody signs out of this browser, and is asked who they are', async () => {
    await page.goto(`${ready.issuer}/account/sessions`)
    await mustBeAccessible(page, 'sessions')
    const buttons = await page.$$('button[id^="end-"]:not(#end-others, #end-all)')
    assert.equal(buttons.length, 1)
    await Promise.all([page.waitForNavigation(), buttons[0].click()])
    await page.goto(`${ready.issuer}/account`)
    await page.waitForSelector('#login-form')
  })
}

async function request(config, scope, more = {}) {
  const [verifier, state] = [client.randomPKCECodeVerifier(), client.randomState()]
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: listener.uri,
    scope,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  })
  return { url, checks: { pkceCodeVerifier: verifier, expectedState: state } }
}

async function signIn(page, name) {
  await page.waitForSelector('#login-form')
  await mustBeAccessible(page, name)
  await page.type('#username', ready.username)
  await page.type('#password', ready.password)
  await Promise.all([page.waitForNavigation(), page.click('#login-submit')])
}

async function finish(config, asked, page) {
  const arrival = listener.next()
  await Promise.all([page.waitForNavigation().catch(() => {}), page.click('#consent-allow')])
  return client.authorizationCodeGrant(config, await arrival, asked.checks)
}

async function selectAccount(config, page) {
  const asked = await request(config, 'openid email', { prompt: 'select_account' })
  await page.goto(asked.url.href)
  assert.equal(await page.$eval('#select-username', element => element.textContent), ready.username)
  await mustBeAccessible(page, 'select account')
  const arrival = listener.next()
  await Promise.all([page.waitForNavigation().catch(() => {}), page.click('#select-same')])
  await client.authorizationCodeGrant(config, await arrival, asked.checks)

  const another = await request(config, 'openid email', { prompt: 'select_account' })
  await page.goto(another.url.href)
  await Promise.all([page.waitForNavigation(), page.click('#select-another')])
  await page.waitForSelector('#login-form')

  const neither = await request(config, 'openid email', { prompt: 'select_account' })
  await page.goto(neither.url.href)
  const refusal = listener.next()
  await Promise.all([page.waitForNavigation().catch(() => {}), page.click('#select-cancel')])
  assert.equal((await refusal).searchParams.get('error'), 'access_denied')
}

async function device(config, page, bring) {
  const codes = await client.initiateDeviceAuthorization(config, { scope: 'openid offline_access' })
  const waiting = client.pollDeviceAuthorizationGrant(config, codes)
  await bring(codes)
  await Promise.all([page.waitForNavigation(), page.click('#device-submit')])
  assert.equal(await page.$eval('#consent-user-code', element => element.textContent), codes.user_code)
  await Promise.all([page.waitForNavigation(), page.click('#consent-allow')])
  assert.equal(new URL(page.url()).pathname, '/device/allowed')
  assert((await waiting).refresh_token)
}

async function apiKey(service, page) {
  await page.goto(`${ready.issuer}/account/keys`)
  await mustBeAccessible(page, 'API keys')
  await Promise.all([page.waitForNavigation(), page.click('#new-key')])
  await page.type('#key-name', 'Nightly report')
  await page.click('#scope-profile')
  await mustBeAccessible(page, 'a new API key')
  await Promise.all([page.waitForNavigation(), page.click('#key-create')])
  await mustBeAccessible(page, 'an API key that was made')
  const key = await page.$eval('#api-key', input => input.value)
  const answer = await client.tokenIntrospection(service, key)
  assert.deepEqual([answer.active, answer.scope], [true, 'profile'])
  await page.goto(`${ready.issuer}/account/keys`)
  assert(!(await page.content()).includes(key), 'it is shown once')
  assert.equal(await page.$eval('.key-name', element => element.textContent), 'Nightly report')
  await Promise.all([page.waitForNavigation(), page.click('button[id^="revoke-"]')])
  await page.waitForSelector('#account-news')
  assert.equal((await client.tokenIntrospection(service, key)).active, false)
}
