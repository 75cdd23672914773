// Session management in a real browser: a client's page asks the frame of the issuer whether somebody has signed in or out.
//
//   node session.mjs < READY_LINE
//
// The server has `login.session_management` on and lets everybody register. One line per step goes to standard output; the first step that
// fails ends the run with exit code 1. FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { RelyingParty } from './relying-party.mjs'
import { chromium, step, walk } from './steps.mjs'

const ready = JSON.parse(await text(process.stdin))
const issuer = new URL(ready.issuer)

let browser, parties
await walk(main, async () => {
  await browser?.close()
  parties?.forEach(party => party.close())
})

async function main() {
  browser = await chromium()
  parties = [await RelyingParty.start('one', issuer), await RelyingParty.start('two', issuer)]
  const [one, two] = parties
  const page = await browser.newPage()
  page.setDefaultTimeout(20_000)

  const tokens = await step('a response says what the browser is like', async () => {
    const tokens = await signIn(page, one)
    assert.match(tokens.sessionState, /^[0-9a-f]{64}\.[\w-]+$/)
    return tokens
  })
  await step('while nobody signs in or out, nothing has changed', async () => {
    assert.equal(await watch(page, one, tokens.sessionState), 'unchanged true')
    // A silent answer says the same in other words.
    const again = await signIn(page, one, { prompt: 'none' })
    assert.notEqual(again.sessionState, tokens.sessionState)
    assert.equal(await watch(page, one, again.sessionState), 'unchanged true')
    const other = await signIn(page, two)
    assert.equal(await watch(page, two, other.sessionState), 'unchanged true')
    assert.equal(await watch(page, one, tokens.sessionState), 'unchanged true')
  })
  await step('what another client was told is nothing to this one', async () => {
    assert.equal(await watch(page, two, tokens.sessionState), 'changed true')
  })
  await step('what is no question gets an error', async () => {
    for (const message of ['', 'x', `${'0'.repeat(64)}.salt`, 'client state', 'client 0.salt', { a: 1 }]) {
      await page.goto(`${one.origin}/watch`)
      assert.equal(await page.evaluate(message => window.ask(message), message), 'error true', JSON.stringify(message))
    }
  })
  await step('somebody signs out: it has changed', async () => {
    await page.goto(one.signOutAddress({ id_token_hint: tokens.id_token, post_logout_redirect_uri: one.signedOut }))
    await page.waitForFunction(address => location.href === address, {}, one.signedOut)
    assert.equal(await watch(page, one, tokens.sessionState), 'changed true')
  })
  await step('somebody signs in again: that is another session', async () => {
    const next = await signIn(page, one)
    assert.equal(await watch(page, one, next.sessionState), 'unchanged true')
    assert.equal(await watch(page, one, tokens.sessionState), 'changed true')
  })
  await step('a browser that lost what it knew is told again', async () => {
    const cookies = await browser.cookies()
    const state = cookies.find(cookie => cookie.name === 'fm_state')
    assert.equal(state.httpOnly, false)
    await browser.deleteCookie(state)
    const again = await signIn(page, one, { prompt: 'none' })
    assert.equal(await watch(page, one, again.sessionState), 'unchanged true')
  })
  await step('where the browser keeps cookies from frames of other sites, nobody is told that something has changed', async () => {
    await browser.close()
    browser = await chromium('--test-third-party-cookie-phaseout')
    const elsewhere = await RelyingParty.start('elsewhere', issuer, undefined, 'localhost')
    parties.push(elsewhere)
    const page = await browser.newPage()
    const { sessionState } = await signIn(page, elsewhere)
    assert.equal(await watch(page, elsewhere, sessionState), 'error true')
  })
}

async function signIn(page, party, more) {
  const asked = await party.request(more)
  await page.goto(asked.url.href)
  if (await page.$('#login-form')) {
    await page.type('#username', ready.username)
    await page.type('#password', ready.password)
    await Promise.all([page.waitForNavigation(), page.click('#login-submit')])
  }
  if (await page.$('#consent-allow')) await Promise.all([page.waitForNavigation(), page.click('#consent-allow')])
  return party.tokens(asked)
}

/** What the frame answers to the client's page, and whether it was the issuer who answered. */
async function watch(page, party, sessionState) {
  await page.goto(`${party.origin}/watch`)
  const message = `${party.config.clientMetadata().client_id} ${sessionState}`
  return page.evaluate(message => window.ask(message), message)
}
