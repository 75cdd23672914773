// A strict client nobody here wrote (openid-client) uses what newer profiles ask for: pushed and signed requests, signed
// responses, DPoP with nonces of the server, keys instead of secrets, devices, requests answered elsewhere, and registration.
//
//   node modern.mjs CLIENT < READY_LINE
//
// CLIENT is a JSON object with client_id and private_key (JWK) of a client that authenticates by private_key_jwt and must push
// its requests, and with asking_client_id of another with the same key that must sign them and may have people asked elsewhere.
// The server demands DPoP nonces and lets anybody register. One line per step goes to standard output; the first step that
// fails ends the run with exit code 1.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import * as client from 'openid-client'
import { step, walk } from './steps.mjs'
import { Visitor } from './visitor.mjs'

const SCOPE = 'openid profile email offline_access'
const http = { execute: [client.allowInsecureRequests] }

const ready = JSON.parse(await text(process.stdin))
const signing = JSON.parse(process.argv[2])
const issuer = new URL(ready.issuer)

await walk(async () => {
  await pushedSignedAndBound()
  await signedRequests()
  await elsewhere()
  await device()
  await registration()
})

async function signingKey() {
  const { kid, ...jwk } = signing.private_key
  return { key: await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']), kid }
}

async function configurationOf(id) {
  return client.discovery(issuer, id, undefined, client.PrivateKeyJwt(await signingKey()), http)
}

/** What is asked for, and what its answer is checked against. */
async function aRequest() {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  }
  const parameters = {
    redirect_uri: ready.redirect_uri,
    scope: SCOPE,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
  }
  return { parameters, checks }
}

async function pushedSignedAndBound() {
  const config = await step('discovery', () => configurationOf(signing.client_id))
  client.useJwtResponseMode(config)
  client.enableNonRepudiationChecks(config)
  const bound = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }
  const { parameters, checks } = await aRequest()
  const url = await step('the request is pushed, with a proof that repeats a nonce', async () =>
    client.buildAuthorizationUrlWithPAR(config, parameters, bound))
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'])
  const callback = await step('somebody signs in, and the response is one signed object', async () => {
    const callback = await new Visitor(ready).walk(url)
    assert.deepEqual([...callback.searchParams.keys()], ['response'])
    return callback
  })
  const tokens = await step('the code gives tokens bound to the key', async () => {
    const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, bound)
    assert.equal(tokens.token_type, 'dpop')
    return tokens
  })
  const claims = tokens.claims()
  await step('userinfo takes the token beside a proof', async () => {
    const user = await client.fetchUserInfo(config, tokens.access_token, claims.sub, bound)
    assert(user.name && user.email)
  })
  await step('and not without one', () =>
    assert.rejects(client.fetchUserInfo(config, tokens.access_token, claims.sub), error => error.status === 401))
  const renewed = await step('the refresh token gives another', async () => {
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, bound)
    assert.notEqual(renewed.access_token, tokens.access_token)
    return renewed
  })
  await step('introspection tells the key', async () => {
    const told = await client.tokenIntrospection(config, renewed.access_token)
    assert.equal(told.active, true)
    assert.equal(told.cnf.jkt, await bound.DPoP.calculateThumbprint())
  })
  await step('revocation ends it', async () => {
    await client.tokenRevocation(config, renewed.refresh_token)
    assert.deepEqual({ ...await client.tokenIntrospection(config, renewed.access_token) }, { active: false })
  })
}

async function signedRequests() {
  const config = await configurationOf(signing.asking_client_id)
  const request = async () => {
    const { parameters, checks } = await aRequest()
    return { parameters, checks, url: await client.buildAuthorizationUrlWithJAR(config, parameters, await signingKey()) }
  }
  const signIn = async (url, checks) => {
    const callback = await new Visitor(ready).walk(url)
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    assert.equal(tokens.claims().aud, signing.asking_client_id)
  }
  await step('a signed request object in the address signs somebody in', async () => {
    const { url, checks } = await request()
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request'])
    await signIn(url, checks)
  })
  await step('and so does one that is pushed', async () => {
    const { url: signed, checks } = await request()
    const url = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams)
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'])
    await signIn(url, checks)
  })
  await step('a request that is not signed is refused', async () => {
    const { parameters } = await request()
    const refused = error => error.error === 'invalid_request'
    await assert.rejects(client.buildAuthorizationUrlWithPAR(config, parameters), refused)
  })
}

async function elsewhere() {
  const config = await configurationOf(signing.asking_client_id)
  const ask = message => client.initiateBackchannelAuthentication(config,
    { scope: SCOPE, login_hint: ready.username, binding_message: message })
  const asked = await step('somebody is to be asked elsewhere', () => ask('W4SCT'))
  const waiting = client.pollBackchannelAuthenticationGrant(config, asked)
  const visitor = new Visitor(ready)
  await step('who signs in on the page of requests sees the message and says yes', () =>
    visitor.answer(config.serverMetadata().issuer + '/requests', 'W4SCT', 'allow'))
  await step('the client gets tokens of that person', async () => {
    const tokens = await waiting
    const claims = tokens.claims()
    assert.equal(claims.aud, signing.asking_client_id)
    assert((await client.fetchUserInfo(config, tokens.access_token, claims.sub)).name)
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).sub, claims.sub)
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
    assert.notEqual(renewed.access_token, tokens.access_token)
  })
  await step('and is told when somebody says no', async () => {
    const waiting = client.pollBackchannelAuthenticationGrant(config, await ask('N0'))
    const refused = assert.rejects(waiting, error => error.error === 'access_denied')
    await visitor.answer(config.serverMetadata().issuer + '/requests', 'N0', 'deny')
    await refused
  })
}

async function device() {
  const config = await client.discovery(issuer, ready.client_id, ready.client_secret, undefined, http)
  const codes = await step('a device gets codes', () => client.initiateDeviceAuthorization(config, { scope: SCOPE }))
  const waiting = client.pollDeviceAuthorizationGrant(config, codes)
  const place = await step('somebody types the code and says yes', () =>
    new Visitor(ready).walk(codes.verification_uri_complete, codes.user_code))
  assert.equal(place.url.pathname, '/device/allowed')
  await step('the device gets tokens', async () => {
    const tokens = await waiting
    assert(tokens.refresh_token)
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true)
  })
}

async function registration() {
  const config = await step('a client registers itself', () =>
    client.dynamicClientRegistration(issuer, { redirect_uris: [ready.redirect_uri], client_name: 'Mine' }, undefined, http))
  const metadata = config.clientMetadata()
  assert.equal(metadata.client_name, 'Mine')
  await step('and signs somebody in', async () => {
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const expectedState = client.randomState()
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: ready.redirect_uri,
      scope: 'openid',
      state: expectedState,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const callback = await new Visitor(ready).walk(url)
    const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState })
    assert.equal(tokens.claims().aud, metadata.client_id)
  })
}
