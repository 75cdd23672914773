// A real browser signs in at other identity providers: at oidc-provider, which nobody here wrote, and at a second Firman.
//
//   node upstream.mjs '{"port": …, "client": {…}, "second": READY_LINE_OF_THE_SECOND}' < READY_LINE
//
// The server knows oidc-provider as "lab" (at that port, with the domain lab.example) and the second Firman as "second", and lets clients
// register themselves. One line per step goes to standard output; the first step that fails ends the run with exit code 1.
// FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import * as client from 'openid-client'
import { mustBeAccessible } from './axe.mjs'
import { IdentityProvider } from './provider.mjs'
import { RedirectListener } from './redirect-listener.mjs'
import { RelyingParty } from './relying-party.mjs'
import { chromium, step as named, walk } from './steps.mjs'

const http = { execute: [client.allowInsecureRequests] }
const given = JSON.parse(process.argv[2])
const ready = JSON.parse(await text(process.stdin))

let browser, config, lab, listener, shop
await walk(main, async () => {
  await browser?.close()
  await listener?.close()
  shop?.close()
  await lab?.down()
})

async function main() {
  browser = await chromium()
  listener = await RedirectListener.start(ready.redirect_uri)
  lab = new IdentityProvider(given.port, given.client)
  config = await client.discovery(new URL(ready.issuer), ready.client_id, ready.client_secret, undefined, http)
  lab.groups.set('alice', ['staff'])
  await outages()
  await ways()
  await links()
  await refreshes()
  await refusals()
  await races()
  shop = await RelyingParty.start('shop', new URL(ready.issuer))
  await signOuts()
}

/** A step that begins with a fresh page. */
function step(name, run) {
  return named(name, () => visit(run))
}

/** Runs with a page of a browser that has no cookies yet. */
async function visit(run) {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  try {
    return await run(page)
  } finally {
    await context.close()
  }
}

async function ways() {
  await step('the button leads to the provider and back', async page => {
    const asked = await request('openid profile email offline_access')
    await page.goto(asked.url.href)
    await mustBeAccessible(page, 'login with buttons')
    await press(page, '#upstream-lab')
    assert.equal(new URL(page.url()).origin, lab.issuer)
    await signInThere(page, 'alice')
    const tokens = await allowed(page, asked)
    assert.equal(tokens.claims().sub, 'lab:alice')
    const user = await client.fetchUserInfo(config, tokens.access_token, 'lab:alice')
    assert.deepEqual([user.name, user.email, user.email_verified], ['alice of the lab', 'alice@lab.example', true])
    assert((await client.refreshTokenGrant(config, tokens.refresh_token)).access_token)
  })
  await step('the domain of what is typed leads there', async page => {
    const asked = await request('openid')
    await page.goto(asked.url.href)
    await page.type('#username', 'bob@lab.example')
    await press(page, '#login-submit')
    await signInThere(page, 'bob')
    assert.equal((await allowed(page, asked)).claims().sub, 'lab:bob')
  })
  await step('a hint of the client leads there at once', async page => {
    const asked = await request('openid', { idp_hint: 'lab', login_hint: 'carol' })
    await page.goto(asked.url.href)
    assert.equal(await page.$eval('[name="login"]', input => input.value), 'carol')
    await signInThere(page)
    assert.equal((await allowed(page, asked)).claims().sub, 'lab:carol')
  })
  await step('a second Firman signs somebody in', async page => {
    const asked = await request('openid')
    await page.goto(asked.url.href)
    await throughSecond(page)
    const claims = (await allowed(page, asked)).claims()
    assert.match(claims.sub, /^[0-9a-f-]+$/)
    assert.deepEqual(claims.amr, ['pwd'])
  })
}

async function links() {
  await step('somebody sees where else they sign in, and ends it when they can sign in here', async page => {
    const asked = await request('openid')
    await page.goto(asked.url.href)
    await throughSecond(page)
    const before = (await allowed(page, asked)).claims().sub
    const security = `${ready.issuer}/account/security`
    await page.goto(security)
    await mustBeAccessible(page, 'sign-ins elsewhere')
    assert.equal(await page.$eval('.upstream-label', element => element.textContent), 'second')
    assert.equal((await press(page, '.upstream-unlink')).status(), 400)
    assert.match(await page.$eval('#oauth-error', element => element.textContent), /last way to sign in/)
    await page.goto(`${security}/password`)
    for (const field of ['#new', '#again']) await page.type(field, 'a long enough password')
    await press(page, '#password-submit')
    await press(page, '.upstream-unlink')
    assert(await page.$('#security-news'), await words(page))
    assert.equal(await page.$('.upstream-unlink'), null)
    await visit(async other => {
      const anew = await request('openid')
      await other.goto(anew.url.href)
      await throughSecond(other)
      assert.notEqual((await allowed(other, anew)).claims().sub, before, 'nobody knows that they are the same')
    })
  })
}

/** From our login page through the second Firman. */
async function throughSecond(page) {
  await press(page, '#upstream-second')
  await page.type('#username', given.second.username)
  await page.type('#password', given.second.password)
  await press(page, '#login-submit')
  if (await page.$('#consent-allow') && page.url().startsWith(given.second.issuer)) await press(page, '#consent-allow')
}

async function refreshes() {
  await step('refreshes follow what the provider says of a person', async page => {
    const asked = await request('openid email offline_access', { idp_hint: 'lab', prompt: 'consent' })
    await page.goto(asked.url.href)
    await signInThere(page, 'alice')
    let tokens = await allowed(page, asked)
    const refreshed = async until => {
      for (let tries = 0; tries < 1000; tries++) {
        tokens = await client.refreshTokenGrant(config, tokens.refresh_token)
        if (until(tokens.scope.split(' '))) return
      }
      throw new Error(`still ${tokens.scope}`)
    }
    await refreshed(scope => scope.includes('email'))
    lab.groups.set('alice', [])
    await refreshed(scope => !scope.includes('email'))
    lab.groups.set('alice', ['staff'])
    await refreshed(scope => scope.includes('email'))
    lab.answers = false
    await refreshed(() => true)
    lab.answers = true
    lab.gone.add('alice')
    await assert.rejects(refreshed(() => false), error => error.error === 'invalid_grant')
    lab.gone.delete('alice')
  })
  await step('who is in no group that can allow it is not asked for a scope', async page => {
    const asked = await request('openid email', { idp_hint: 'lab', prompt: 'consent' })
    await page.goto(asked.url.href)
    await signInThere(page, 'dave')
    assert.doesNotMatch(await words(page), /e-mail/)
    assert.equal((await allowed(page, asked)).scope, 'openid')
  })
}

async function refusals() {
  await step('who says no there gets a page, and the client access_denied', async page => {
    const asked = await request('openid', { idp_hint: 'lab' })
    await page.goto(asked.url.href)
    const answer = await press(page, 'a[href$="/abort"]')
    assert.equal(answer.status(), 403)
    await mustBeAccessible(page, 'trouble')
    assert.equal(await page.$eval('#error-code', element => element.textContent), 'access_denied')
    await press(page, '#upstream-leave')
    const { searchParams } = await arrived(page)
    assert.deepEqual([searchParams.get('error'), searchParams.get('state')], ['access_denied', asked.checks.expectedState])
  })
  await step('an answer counts once, and in its own browser', async page => {
    const asked = await request('openid', { idp_hint: 'lab' })
    await page.goto(asked.url.href)
    const answers = []
    page.on('request', sent => { if (sent.url().includes('/login/upstream/callback/')) answers.push(sent.url()) })
    await signInThere(page, 'alice')
    assert.equal(answers.length, 1)
    const again = await page.goto(answers[0])
    assert.equal(again.status(), 400)
    assert(await page.$('#oauth-error'))
    await visit(async other => assert.equal((await other.goto(answers[0])).status(), 400))
  })
}

async function outages() {
  await step('nobody is there: 502, and the request waits until somebody is', async page => {
    const asked = await request('openid')
    await page.goto(asked.url.href)
    const answer = await press(page, '#upstream-lab')
    assert.equal(answer.status(), 502)
    assert.equal(await page.$eval('#error-code', element => element.textContent), 'temporarily_unavailable')
    await mustBeAccessible(page, 'unreachable')
    await lab.up()
    // That nobody was there is remembered for a moment.
    for (let tries = 0; await page.$('#upstream-again') && tries < 200; tries++) await press(page, '#upstream-again')
    await signInThere(page, 'alice')
    assert.equal((await allowed(page, asked)).claims().sub, 'lab:alice')
  })
  await step('it breaks while somebody is there: 502, and the request waits until it works', async page => {
    const asked = await request('openid', { idp_hint: 'lab' })
    await page.goto(asked.url.href)
    lab.answers = false
    const answer = await signInThere(page, 'alice')
    assert.equal(answer.status(), 502)
    lab.answers = true
    await press(page, '#upstream-again')
    assert.equal((await allowed(page, asked)).claims().sub, 'lab:alice')
  })
}

async function races() {
  await step('a device: of two browsers the first to allow it wins', async page => {
    const codes = await client.initiateDeviceAuthorization(config, { scope: 'openid offline_access' })
    const waiting = client.pollDeviceAuthorizationGrant(config, codes)
    await visit(async second => {
      for (const [visitor, name] of [[page, 'alice'], [second, 'bob']]) {
        await visitor.goto(codes.verification_uri_complete)
        await press(visitor, '#device-submit')
        await press(visitor, '#upstream-lab')
        assert.equal(new URL(visitor.url()).origin, lab.issuer)
        visitor.name = name
      }
      await signInThere(page, page.name)
      assert.equal(await page.$eval('#consent-user-code', element => element.textContent), codes.user_code)
      await press(page, '#consent-allow')
      assert.equal(new URL(page.url()).pathname, '/device/allowed')
      const late = await signInThere(second, second.name)
      assert.equal(late.status(), 400)
      assert.match(await second.$eval('#oauth-error', element => element.textContent), /answered before/)
    })
    const tokens = await waiting
    assert.equal(tokens.claims().sub, 'lab:alice')
    assert(tokens.refresh_token)
  })
  await step('a device: the provider is down, and the device goes on waiting', async page => {
    const codes = await client.initiateDeviceAuthorization(config, { scope: 'openid' })
    const waiting = client.pollDeviceAuthorizationGrant(config, codes)
    await page.goto(codes.verification_uri_complete)
    await press(page, '#device-submit')
    await press(page, '#upstream-lab')
    lab.answers = false
    assert.equal((await signInThere(page, 'alice')).status(), 502)
    lab.answers = true
    await press(page, '#upstream-again')
    await press(page, '#consent-allow')
    assert.equal((await waiting).claims().sub, 'lab:alice')
  })
  await step('a pushed request: of two browsers the first to allow it wins', async page => {
    const asked = await request('openid', { idp_hint: 'lab' }, true)
    await visit(async second => {
      await second.goto(asked.url.href)
      await page.goto(asked.url.href)
      await signInThere(page, 'alice')
      assert.equal((await allowed(page, asked)).claims().sub, 'lab:alice')
      const late = await signInThere(second, 'bob')
      assert.equal(late.status(), 400)
      assert.match(await second.$eval('#oauth-error', element => element.textContent), /was used/)
    })
  })
}

async function signOuts() {
  await step('who signs out at a client is asked at oidc-provider, which knows them no more then, and comes back to the client', async page => {
    const sid = await atShop(page, () => signInThere(page, 'alice'))
    await page.waitForSelector('button[name="logout"]')
    assert.equal(new URL(page.url()).origin, lab.issuer)
    assert.deepEqual(await shop.framed(), { iss: ready.issuer, sid })
    await press(page, 'button[name="logout"]')
    assert.equal(page.url(), `${shop.signedOut}?state=a%20state`)
    await page.goto((await shop.request({ idp_hint: 'lab' })).url.href)
    assert(await page.$('[name="login"]'), await words(page))
  })
  await step('the same at a second Firman, which asks nobody', async page => {
    await atShop(page, () => throughSecond(page), {})
    await page.waitForFunction(address => location.href === address, {}, `${shop.signedOut}?state=a%20state`)
    await shop.framed()
    await page.goto((await shop.request()).url.href)
    await press(page, '#upstream-second')
    assert(await page.$('#password') && page.url().startsWith(given.second.issuer), await words(page))
  })
  await step('who signs out on our page comes back to it from there', async page => {
    const asked = await request('openid', { idp_hint: 'lab' })
    await page.goto(asked.url.href)
    await signInThere(page, 'alice')
    await allowed(page, asked)
    await page.goto(`${ready.issuer}/logout`)
    await press(page, '#logout-confirm')
    assert.equal(new URL(page.url()).origin, lab.issuer, await words(page))
    await press(page, 'button[name="logout"]')
    assert(page.url().startsWith(ready.issuer) && await page.$('#signed-out'), await words(page))
  })
}

/** Signs in at the shop by way of a provider, and begins to sign out there; gives how the shop knows the session. */
async function atShop(page, signIn, more = { idp_hint: 'lab' }) {
  const asked = await shop.request(more)
  await page.goto(asked.url.href)
  await signIn()
  if (await page.$('#consent-allow')) await press(page, '#consent-allow')
  const tokens = await shop.tokens(asked)
  const hint = { id_token_hint: tokens.id_token, post_logout_redirect_uri: shop.signedOut, state: 'a state' }
  await page.goto(shop.signOutAddress(hint))
  return tokens.claims().sid
}

/** An authorization request of the demo client. */
async function request(scope, more = {}, pushed = false) {
  const [verifier, state] = [client.randomPKCECodeVerifier(), client.randomState()]
  const parameters = {
    redirect_uri: listener.uri,
    scope,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  }
  const build = pushed ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl
  return { url: await build(config, parameters), checks: { pkceCodeVerifier: verifier, expectedState: state } }
}

/** Signs in at oidc-provider as somebody, or as whoever is filled in, and allows what it asks. Gives the answer of the page after it. */
async function signInThere(page, name) {
  assert.equal(new URL(page.url()).origin, lab.issuer, await words(page))
  let answer
  while (new URL(page.url()).origin === lab.issuer) {
    if (await page.$('[name="login"]')) {
      if (name) await page.type('[name="login"]', name)
      await page.type('[name="password"]', 'any')
    }
    answer = await press(page, '.login-submit')
  }
  return answer
}

/** Allows the request on our consent page, if there is one; gives the tokens. */
async function allowed(page, asked) {
  if (await page.$('#consent-allow')) await press(page, '#consent-allow')
  return client.authorizationCodeGrant(config, await arrived(page), asked.checks)
}

/** Where the client is told. */
async function arrived(page) {
  assert(page.url().startsWith(listener.uri), await words(page))
  return new URL(page.url())
}

async function press(page, selector) {
  const [answer] = await Promise.all([page.waitForNavigation(), page.click(selector)])
  return answer
}

async function words(page) {
  return `${page.url()}: ${await page.evaluate(() => document.body.innerText)}`
}
