// A relying party that can be told of logouts: an address for each of what browsers and the server bring to it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'

const http = { execute: [client.allowInsecureRequests] }
const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout'
const PATIENCE = 30_000

/** Things that arrive, for those who wait for them: in order, each for one. */
class Inbox {
  #here = []
  #waiting = []

  put(what) {
    const waiting = this.#waiting.shift()
    waiting ? waiting(what) : this.#here.push(what)
  }

  next(of) {
    if (this.#here.length > 0) return Promise.resolve(this.#here.shift())
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing came: ${of}`)), PATIENCE)
      this.#waiting.push(what => {
        clearTimeout(timer)
        resolve(what)
      })
    })
  }

  get isEmpty() {
    return this.#here.length === 0
  }
}

/** One TLS server for the logout tokens of all; whoever is told for the first time says that they cannot. */
export class Receiver {
  #server
  #inboxes = new Map()
  #refused = new Set()

  static async start(certificate, key) {
    const receiver = new Receiver()
    receiver.#server = createSecureServer({ cert: certificate, key }, (request, response) => receiver.#take(request, response))
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  address(path) {
    this.#inboxes.set(path, new Inbox())
    return `https://localhost:${this.#server.address().port}${path}`
  }

  /** What was posted to an address: at the first time refused, later taken. */
  next(path) {
    return this.#inboxes.get(path).next(`a logout token at ${path}`)
  }

  isEmpty(path) {
    return this.#inboxes.get(path).isEmpty
  }

  close() {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #take(request, response) {
    let body = ''
    for await (const piece of request) body += piece
    const isFirst = !this.#refused.has(request.url)
    this.#refused.add(request.url)
    response.writeHead(isFirst ? 503 : 200, { 'cache-control': 'no-store' })
    response.end()
    this.#inboxes.get(request.url).put({ method: request.method, type: request.headers['content-type'], body, isRefused: isFirst })
  }
}

export class RelyingParty {
  #server
  #frames = new Inbox()
  #codes = new Inbox()
  /** Whether its address for frames leaves browsers without an answer. */
  isSilent = false

  /** Registers itself at the issuer; `receiver` takes its logout tokens. */
  static async start(name, issuer, receiver, host = '127.0.0.1') {
    const party = new RelyingParty()
    party.name = name
    party.receiver = receiver
    party.#server = createServer((request, response) => party.#answer(request, response))
    party.#server.listen(0, '127.0.0.1')
    await once(party.#server, 'listening')
    party.origin = `http://${host}:${party.#server.address().port}`
    party.config = await client.dynamicClientRegistration(issuer, {
      client_name: `Application ${name}`,
      redirect_uris: [`${party.origin}/callback`],
      post_logout_redirect_uris: [`${party.origin}/signed-out`],
      frontchannel_logout_uri: `${party.origin}/front`,
      frontchannel_logout_session_required: true,
      ...receiver && { backchannel_logout_uri: receiver.address(`/${name}`), backchannel_logout_session_required: true },
      scope: 'openid profile',
    }, client.ClientSecretPost(), http)
    party.issuer = party.config.serverMetadata()
    party.keys = createRemoteJWKSet(new URL(party.issuer.jwks_uri))
    return party
  }

  /** An authorization request, and what its answer is checked against. */
  async request(more = {}) {
    const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()]
    const url = client.buildAuthorizationUrl(this.config, {
      redirect_uri: `${this.origin}/callback`,
      scope: 'openid profile',
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    })
    return { url, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce } }
  }

  /** The browser has come back: its tokens, and the `session_state` that came with the code. */
  async tokens({ checks }) {
    const back = await this.#codes.next(`a browser at ${this.name}`)
    const tokens = await client.authorizationCodeGrant(this.config, back, checks)
    return Object.assign(tokens, { sessionState: back.searchParams.get('session_state') })
  }

  /** The browser has come back with an error. */
  async error() {
    return (await this.#codes.next(`a browser at ${this.name}`)).searchParams.get('error')
  }

  signOutAddress(parameters) {
    const url = new URL(this.issuer.end_session_endpoint)
    Object.entries(parameters).forEach(([name, value]) => url.searchParams.set(name, value))
    return url.href
  }

  get signedOut() {
    return `${this.origin}/signed-out`
  }

  /** OpenID Connect Front-Channel Logout §2: what a browser brought in a frame. */
  async framed() {
    return Object.fromEntries(await this.#frames.next(`a frame of ${this.name}`))
  }

  /** OpenID Connect Back-Channel Logout §2.6: the next logout token, verified, and whether it was refused by the receiver. */
  async told() {
    const { method, type, body, isRefused } = await this.receiver.next(`/${this.name}`)
    assert.deepEqual([method, type], ['POST', 'application/x-www-form-urlencoded'])
    const members = new URLSearchParams(body)
    assert.deepEqual([...members.keys()], ['logout_token'])
    const { payload } = await jwtVerify(members.get('logout_token'), this.keys, {
      issuer: this.issuer.issuer, audience: this.config.clientMetadata().client_id, typ: 'logout+jwt',
      requiredClaims: ['iat', 'exp', 'jti', 'sid', 'sub'], maxTokenAge: '1 minute',
    })
    assert.deepEqual(payload.events, { [LOGOUT]: {} })
    assert(!('nonce' in payload))
    return { sid: payload.sid, sub: payload.sub, jti: payload.jti, isRefused }
  }

  /** Whether nothing has come that nobody has asked for. */
  get isQuiet() {
    return this.#frames.isEmpty && this.receiver.isEmpty(`/${this.name}`)
  }

  close() {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #answer(request, response) {
    const url = new URL(request.url, this.origin)
    if (url.pathname === '/front') {
      this.#frames.put(url.searchParams)
      if (this.isSilent) return
    }
    if (url.pathname === '/watch') {
      // A page that asks the frame of the issuer, when the test has it do so.
      response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-store' })
      response.end(`<!doctype html><title>${this.name}</title><iframe src="${this.issuer.check_session_iframe}"></iframe><script>
        const frame = document.querySelector('iframe')
        window.ask = message => new Promise(resolve => {
          addEventListener('message', ({ data, origin }) => resolve(data + ' ' + (origin === '${new URL(this.issuer.issuer).origin}')), { once: true })
          frame.contentWindow.postMessage(message, '${new URL(this.issuer.issuer).origin}')
        })
        </script>`)
      return
    }
    if (url.pathname === '/callback') this.#codes.put(url)
    response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-store' })
    response.end(`<!doctype html><title>${this.name}</title><p id="here">${url.pathname}`)
  }
}
