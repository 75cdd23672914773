// A resource server nobody here wrote (oauth4webapi) verifies a JWT access token and a signed introspection answer of ours.
//
// Standard input is JSON: issuer, audience, access_token, introspection. One line per step goes to standard output; the first
// step that fails ends the run with exit code 1.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import * as oauth from 'oauth4webapi'

// The issuer is http on loopback; everything else about the checks stays as strict as it is.
const http = { [oauth.allowInsecureRequests]: true }
const given = JSON.parse(await text(process.stdin))

const issuer = new URL(given.issuer)
const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http })
const server = await oauth.processDiscoveryResponse(issuer, response)

const request = (token) =>
  new Request(given.audience, { headers: { authorization: `Bearer ${token}` } })

const claims = await oauth.validateJwtAccessToken(server, request(given.access_token), given.audience, http)
assert.equal(claims.aud, given.audience)
assert.equal(claims.sub, claims.client_id)
console.log('ok  a JWT access token is taken (RFC 9068)')

await assert.rejects(oauth.validateJwtAccessToken(server, request(given.access_token), 'https://other.example', http))
console.log('ok  and not by another resource server')

const client = { client_id: given.audience, introspection_signed_response_alg: 'ES256' }
const answer = new Response(given.introspection, {
  headers: { 'content-type': 'application/token-introspection+jwt' },
})
const told = await oauth.processIntrospectionResponse(server, client, answer)
await oauth.validateApplicationLevelSignature(server, answer, http)
assert.equal(told.active, true)
assert.equal(told.jti, claims.jti)
console.log('ok  a signed introspection answer is taken (RFC 9701)')
