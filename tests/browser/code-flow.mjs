// A strict relying party nobody here wrote (oauth4webapi) and a real browser go through the whole of a sign-in:
// discovery, code with PKCE, ID token, userinfo, refresh, introspection, revocation.
//
//   firman serve --demo … --json | head -n 1 | node code-flow.mjs SCREENSHOT_FOLDER
//
// Standard input is the line the server printed when it was ready. One line per step goes to standard output; the first
// step that fails ends the run with exit code 1. FIRMAN_TEST_CHROMIUM names the browser.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import * as oauth from 'oauth4webapi'
import { Person } from './person.mjs'
import { RedirectListener } from './redirect-listener.mjs'
import { step, walk } from './steps.mjs'

const SCOPE = 'openid profile email offline_access'
// The issuer is http on loopback; everything else about the checks stays as strict as it is.
const http = { [oauth.allowInsecureRequests]: true }

const ready = JSON.parse(await text(process.stdin))
const screenshots = process.argv[2]
assert(screenshots, 'usage: node code-flow.mjs SCREENSHOT_FOLDER < READY_LINE')

await walk(main)

async function main() {
  const server = await discover()
  const listener = await RedirectListener.start(ready.redirect_uri)
  const person = await Person.open(screenshots)
  try {
    const basic = oauth.ClientSecretBasic(ready.client_secret)
    await flow(server, 'client_secret_basic', basic, listener, person, { javaScript: true })
    const post = oauth.ClientSecretPost(ready.client_secret)
    await flow(server, 'client_secret_post', post, listener, person, { javaScript: false })
    await denial(server, listener, person)
    await errorPage(server, listener, person)
    await clientCredentials(server)
  } finally {
    await person.close()
    await listener.close()
  }
}

async function discover() {
  const issuer = new URL(ready.issuer)
  const server = await step('OpenID Connect discovery', async () =>
    oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...http })))
  await step('RFC 8414 discovery says the same', async () => {
    const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http })
    const other = await oauth.processDiscoveryResponse(issuer, response)
    for (const name of ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'revocation_endpoint']) {
      assert.equal(other[name], server[name], name)
    }
  })
  await step('the metadata offers what the flow needs', () => {
    assert.equal(server.authorization_response_iss_parameter_supported, true)
    assert(server.code_challenge_methods_supported.includes('S256'))
    assert(server.scopes_supported.includes('openid'))
    for (const method of ['client_secret_basic', 'client_secret_post']) {
      assert(server.token_endpoint_auth_methods_supported.includes(method), method)
    }
  })
  return server
}

async function flow(server, method, authentication, listener, person, browser) {
  const client = { client_id: ready.client_id }
  const say = (name, run) => step(`${method}: ${name}`, run)
  const request = await authorizationRequest(server, listener)

  const tokens = await person.session(browser, async page => {
    const seen = await say('the browser signs in and consents', async () => {
      const arrival = listener.next()
      const pages = await page.signIn(request.url, ready.username, ready.password)
      return { callback: await arrival, pages }
    })
    assert.deepEqual(seen.pages, ['login', 'consent'])
    const parameters = await say('the authorization response has our state and iss', () => {
      // RFC 9207: oauth4webapi compares it too, but only when it is there.
      assert.equal(seen.callback.searchParams.get('iss'), ready.issuer)
      return oauth.validateAuthResponse(server, client, seen.callback, request.state)
    })
    return say('the code gives tokens and a valid ID token', () =>
      redeem(server, client, authentication, parameters, request))
  })

  const claims = oauth.getValidatedIdTokenClaims(tokens)
  await say('at_hash is the hash of the access token', () => assert.equal(claims.at_hash, atHash(tokens)))
  await say('userinfo has the same sub, and a name and an e-mail address', async () => {
    const response = await oauth.userInfoRequest(server, client, tokens.access_token, http)
    const user = await oauth.processUserInfoResponse(server, client, claims.sub, response)
    assert(user.name && user.email, JSON.stringify(Object.keys(user)))
  })
  const renewed = await say('the refresh token gives new tokens', async () => {
    const response = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, http)
    const answer = await oauth.processRefreshTokenResponse(server, client, response)
    assert.notEqual(answer.access_token, tokens.access_token)
    assert(answer.refresh_token, 'a successor')
    return answer
  })
  await say('introspection says active', async () => {
    const answer = await introspect(server, client, authentication, renewed.access_token)
    assert.equal(answer.active, true)
    assert.equal(answer.sub, claims.sub)
    assert.equal(answer.client_id, ready.client_id)
  })
  await say('the refresh token is revoked', async () => {
    const response = await oauth.revocationRequest(server, client, authentication, renewed.refresh_token, http)
    await oauth.processRevocationResponse(response)
  })
  await say('after that introspection says inactive, and nothing else', async () => {
    for (const token of [tokens.access_token, renewed.access_token, renewed.refresh_token]) {
      const answer = await introspect(server, client, authentication, token)
      assert.deepEqual({ ...answer }, { active: false })
    }
  })
}

async function authorizationRequest(server, listener) {
  const request = {
    redirectUri: listener.uri,
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
  }
  const url = new URL(server.authorization_endpoint)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: ready.client_id,
    redirect_uri: request.redirectUri,
    scope: SCOPE,
    state: request.state,
    nonce: request.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(request.verifier),
    code_challenge_method: 'S256',
    // OpenID Connect Core §11: offline_access asks for it, and so the consent page comes every time.
    prompt: 'consent',
  })
  return { ...request, url }
}

async function redeem(server, client, authentication, parameters, request) {
  const response = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, request.redirectUri, request.verifier, http)
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: request.nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(server, response, http)
  assert(tokens.refresh_token, 'a refresh token, for offline_access')
  return tokens
}

// OpenID Connect Core §3.1.3.6: the left half of the hash that the signature's algorithm names.
function atHash(tokens) {
  const { alg } = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url'))
  const hash = alg === 'EdDSA' || alg === 'Ed25519' ? 'sha512' : `sha${alg.slice(2)}`
  const digest = createHash(hash).update(tokens.access_token).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

async function introspect(server, client, authentication, token) {
  const response = await oauth.introspectionRequest(server, client, authentication, token, http)
  return oauth.processIntrospectionResponse(server, client, response)
}

async function denial(server, listener, person) {
  const request = await authorizationRequest(server, listener)
  await person.session({ javaScript: false }, page =>
    step('a refused consent comes back as access_denied', async () => {
      const arrival = listener.next()
      await page.signIn(request.url, ready.username, ready.password, { allow: false })
      const client = { client_id: ready.client_id }
      const callback = await arrival
      assert.throws(() => oauth.validateAuthResponse(server, client, callback, request.state),
        error => error.code === oauth.AUTHORIZATION_RESPONSE_ERROR && error.error === 'access_denied')
    }))
}

async function errorPage(server, listener, person) {
  const { url } = await authorizationRequest(server, listener)
  url.searchParams.set('redirect_uri', 'https://elsewhere.example/callback')
  await person.session({ javaScript: true }, page =>
    step('an unregistered redirect_uri gets an error page and no redirect', () => page.seeErrorPage(url)))
}

async function clientCredentials(server) {
  const client = { client_id: ready.service_client_id }
  const authentication = oauth.ClientSecretBasic(ready.service_client_secret)
  await step('the service client gets a token and may introspect it', async () => {
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, http)
    const tokens = await oauth.processClientCredentialsResponse(server, client, response)
    const answer = await introspect(server, client, authentication, tokens.access_token)
    assert.equal(answer.active, true)
    assert.equal(answer.client_id, ready.service_client_id)
  })
}
