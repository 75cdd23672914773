// Signing out, in a real browser: at a client with and without a hint, with two clients told in frames and by logout tokens, without
// script, with a client that does not answer, on the account page, and by an operator.
//
//   node logout.mjs < READY_LINE
//
// The ready line has three members more: `certificate` and `key` (PEM) of the TLS server that takes logout tokens, which the server under
// test trusts, and `operator`, the secret of a client that may use the admin API. One line per step goes to standard output; the first
// step that fails ends the run with exit code 1. FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { mustBeAccessible } from './axe.mjs'
import { Receiver, RelyingParty } from './relying-party.mjs'
import { chromium, step, walk } from './steps.mjs'

const ready = JSON.parse(await text(process.stdin))
const issuer = new URL(ready.issuer)

let browser, receiver, parties
await walk(main, async () => {
  await browser?.close()
  parties?.forEach(party => party.close())
  receiver?.close()
})

async function main() {
  browser = await chromium()
  receiver = await Receiver.start(ready.certificate, ready.key)
  parties = [await RelyingParty.start('one', issuer, receiver), await RelyingParty.start('two', issuer, receiver)]
  const [one, two] = parties

  await step('with a hint: both clients are told in frames and by tokens that are tried again, and the browser goes on', async () => {
    const { page, sids, hint } = await signedIn()
    await page.goto(one.signOutAddress({ id_token_hint: hint, post_logout_redirect_uri: one.signedOut, state: 'a state' }))
    await arrived(page, `${one.signedOut}?state=a%20state`)
    await framed(sids)
    for (const party of parties) {
      const [first, second] = [await party.told(), await party.told()]
      assert.deepEqual([first.isRefused, second.isRefused], [true, false])
      assert.deepEqual([first.sid, second.sid, first.jti], [sids.get(party), sids.get(party), second.jti])
    }
    await signedOut(page)
  })
  await step('without script: the page itself goes on', async () => {
    const { page, sids, hint } = await signedIn()
    await page.setJavaScriptEnabled(false)
    await page.goto(one.signOutAddress({ id_token_hint: hint, post_logout_redirect_uri: one.signedOut }))
    await arrived(page, one.signedOut)
    await framed(sids)
    await told(sids)
    await page.setJavaScriptEnabled(true)
    await signedOut(page)
  })
  await step('a client that does not answer holds nobody up', async () => {
    const { page, sids, hint } = await signedIn()
    two.isSilent = true
    await page.goto(one.signOutAddress({ id_token_hint: hint, post_logout_redirect_uri: one.signedOut }), { waitUntil: 'domcontentloaded' })
    await arrived(page, one.signedOut)
    two.isSilent = false
    await framed(sids)
    await told(sids)
    await signedOut(page)
  })
  await step('without a hint: the person is asked, stays if they would rather, and else is signed out', async () => {
    const { page, sids } = await signedIn()
    await page.goto(one.signOutAddress({}))
    await mustBeAccessible(page, 'logout')
    await press(page, '#logout-cancel')
    assert.equal(page.url(), `${ready.issuer}/logout/stayed`)
    assert(parties.every(party => party.isQuiet), 'nobody is told')
    await page.goto(one.signOutAddress({}))
    await press(page, '#logout-confirm')
    await page.waitForSelector('#signed-out')
    await mustBeAccessible(page, 'signed out')
    await framed(sids)
    await told(sids)
    await signedOut(page)
  })
  await step('without a hint, but with a client: the person is asked, and the browser goes on', async () => {
    const { page, sids } = await signedIn()
    const { client_id } = one.config.clientMetadata()
    await page.goto(one.signOutAddress({ client_id, post_logout_redirect_uri: one.signedOut, state: 'x' }))
    assert.match(await page.$eval('#logout-page', form => form.textContent), /Application one/)
    await page.click('#logout-confirm')
    await arrived(page, `${one.signedOut}?state=x`)
    await framed(sids)
    await told(sids)
    await signedOut(page)
  })
  await step('a hint and somebody else\'s address: signed out, told why, and sent nowhere', async () => {
    const { page, sids, hint } = await signedIn()
    await page.goto(one.signOutAddress({ id_token_hint: hint, post_logout_redirect_uri: two.signedOut }))
    await page.waitForSelector('#logout-problem')
    await press(page, '#logout-confirm')
    await page.waitForSelector('#signed-out')
    await framed(sids)
    await told(sids)
  })
  await step('on the account page: where somebody is signed in elsewhere they are signed out, and here they stay', async () => {
    const [here, there] = [await signedIn(), await signedIn()]
    await here.page.goto(`${ready.issuer}/account/sessions`)
    await press(here.page, '#end-others')
    await told(there.sids)
    await signedOut(there.page)
    assert.equal(await silently(here.page), null, 'still signed in here')
    const ends = await here.page.goto(`${ready.issuer}/account/sessions`).then(() => here.page.$$('button[id^="end-"]'))
    assert.equal(ends.length, 1)
    await Promise.all([here.page.waitForNavigation(), ends[0].click()])
    await here.page.waitForSelector('#signed-out')
    await framed(here.sids)
    await told(here.sids)
    await signedOut(here.page)
  })
  await step('and all at once, here too', async () => {
    const [here, there] = [await signedIn(), await signedIn()]
    await here.page.goto(`${ready.issuer}/account/sessions`)
    await Promise.all([here.page.waitForNavigation(), here.page.click('#end-all')])
    await here.page.waitForSelector('#signed-out')
    await framed(here.sids)
    await signedOut(there.page)
    await signedOut(here.page)
    // In whatever order.
    for (const [party, sid] of here.sids) {
      const ended = [await party.told(), await party.told()].map(token => token.sid)
      assert.deepEqual(ended.sort(), [sid, there.sids.get(party)].sort())
    }
  })
  await step('by an operator: one session, and all of a person', async () => {
    const [first, second] = [await signedIn(), await signedIn()]
    const { items } = await operator('GET', `/sessions?subject=${encodeURIComponent(first.subject)}&limit=200`)
    const live = items.filter(session => session.live)
    assert.equal(live.length, 2)
    await operator('POST', `/sessions/${live[0].id}/end`)
    await told(first.sids)
    await signedOut(first.page)
    assert.equal(await silently(second.page), null, 'the other goes on')
    const accounts = await operator('GET', `/accounts?prefix=${ready.username}`)
    await operator('POST', `/accounts/${accounts.items[0].id}/sign-out`)
    await told(second.sids)
    await signedOut(second.page)
  })
  assert(parties.every(party => party.isQuiet), 'nobody is told twice')
}

/** Signs in at both clients with a browser of its own. */
async function signedIn() {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const sids = new Map()
  let hint, subject
  for (const party of parties) {
    const asked = await party.request()
    await page.goto(asked.url.href)
    if (await page.$('#login-form')) {
      await page.type('#username', ready.username)
      await page.type('#password', ready.password)
      await press(page, '#login-submit')
    }
    if (await page.$('#consent-allow')) await press(page, '#consent-allow')
    const tokens = await party.tokens(asked)
    sids.set(party, tokens.claims().sid)
    subject = tokens.claims().sub
    hint ??= tokens.id_token
  }
  assert.notEqual(sids.get(parties[0]), sids.get(parties[1]), 'each knows the session by a name of its own')
  return { page, sids, hint, subject }
}

async function press(page, button) {
  await Promise.all([page.waitForNavigation(), page.click(button)])
}

/** The browser ends up there. */
async function arrived(page, address) {
  await page.waitForFunction(address => location.href === address, {}, address).catch(async error => {
    throw new Error(`at ${page.url()} and not at ${address}: ${await page.content()}`, { cause: error })
  })
}

/** OpenID Connect Front-Channel Logout §2: who tells it, and of which session. */
async function framed(sids) {
  for (const [party, sid] of sids) assert.deepEqual(await party.framed(), { iss: ready.issuer, sid })
}

/** Each has got a logout token of its session. */
async function told(sids) {
  for (const [party, sid] of sids) assert.equal((await party.told()).sid, sid)
}

/** Nobody is signed in with the browser. */
async function signedOut(page) {
  assert.equal(await silently(page), 'login_required')
  await page.browserContext().close()
}

/** Asks without a page; gives the error, if there is one. */
async function silently(page) {
  const [one] = parties
  const asked = await one.request({ prompt: 'none' })
  await page.goto(asked.url.href)
  return one.error()
}

async function operator(method, path) {
  const form = new URLSearchParams({ grant_type: 'client_credentials', resource: `${ready.issuer}/admin` })
  const basic = Buffer.from(`operations:${ready.operator}`).toString('base64')
  const answer = await fetch(`${ready.issuer}/oauth2/token`, { method: 'POST', body: form, headers: { authorization: `Basic ${basic}` } })
  const { access_token } = await answer.json()
  const address = ready.console.replace(/\/console\/$/, '/admin/v1')
  const said = await fetch(`${address}${path}`, { method, headers: { authorization: `Bearer ${access_token}` } })
  assert(said.ok, `${method} ${path}: ${said.status} ${await said.clone().text()}`)
  return said.status === 204 ? undefined : said.json()
}
