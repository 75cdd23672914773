// A client nobody here wrote (oauth4webapi) at an API behind the guard: it finds out who issues tokens, gets one that is bound to a
// key of its own, and uses it.
//
// Standard input is JSON: resource, client_id, client_secret, allowed, other (addresses below the resource). One line per step goes to
// standard output; the first step that fails ends the run with exit code 1.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import * as oauth from 'oauth4webapi'

const http = { [oauth.allowInsecureRequests]: true }
const given = JSON.parse(await text(process.stdin))

const refused = await fetch(given.allowed)
assert.equal(refused.status, 401)
const challenge = refused.headers.get('www-authenticate')
const metadata = /resource_metadata="([^"]+)"/.exec(challenge)[1]
console.log('ok  a request without a token is told where the metadata is (RFC 9728)')

const resource = new URL(given.resource)
const answer = await oauth.resourceDiscoveryRequest(resource, http)
const said = await oauth.processResourceDiscoveryResponse(resource, answer)
assert.equal(answer.url, metadata)
const issuer = new URL(said.authorization_servers[0])
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http }),
)
console.log('ok  and from there finds who issues tokens')

const client = { client_id: given.client_id }
const key = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const asked = { resource: given.resource, scope: 'books.read' }
const authentication = oauth.ClientSecretBasic(given.client_secret)
const granted = await oauth.clientCredentialsGrantRequest(server, client, authentication, asked, { DPoP: key, ...http })
const tokens = await oauth.processClientCredentialsResponse(server, client, granted)
assert.equal(tokens.token_type, 'dpop')
const use = (url, token = tokens.access_token, options = { DPoP: key, ...http }) =>
  oauth.protectedResourceRequest(token, 'GET', new URL(url), undefined, undefined, options)
const page = await use(given.allowed)
assert.equal(page.status, 200)
assert.match(await page.text(), new RegExp(`x-firman-client: ${given.client_id}`))
console.log('ok  a token bound to a key is taken with a proof of it (RFC 9449)')

const challenged = async (wanted, request) => {
  const error = await request.then(
    () => assert.fail('it was let through'),
    (error) => error,
  )
  assert.ok(error instanceof oauth.WWWAuthenticateChallengeError, String(error))
  const told = error.cause.map((one) => one.parameters.error)
  assert.ok(told.includes(wanted), `${wanted}: ${JSON.stringify(error.cause)}`)
}
await challenged('invalid_token', use(given.allowed, tokens.access_token, http))
console.log('ok  and not without')
await challenged('insufficient_scope', use(given.other))
console.log('ok  what needs another scope says so')
