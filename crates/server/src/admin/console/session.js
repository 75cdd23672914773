// Who is signed in: a code with PKCE from our own issuer, a key that proves each request (RFC 9449), and tokens that are kept in
// memory only. What must outlive the way to the issuer and back is no secret to anybody but this tab.

const KEPT = 'firman-console'
const settings = await (await fetch('settings.json')).json()

let key
let tokens

const text = new TextEncoder()
const base64url = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))
const hash = async words => base64url(await crypto.subtle.digest('SHA-256', text.encode(words)))

/** What this console is the console of. */
export const issuer = settings.issuer

/** Signs in if need be. False: the browser is on its way to the issuer. */
export async function signIn() {
  const returned = new URLSearchParams(location.search)
  if (returned.has('code') || returned.has('error')) return await finish(returned)
  if (tokens) return true
  await begin()
  return false
}

async function begin() {
  const kept = { state: random(), verifier: random(), place: location.hash }
  sessionStorage.setItem(KEPT, JSON.stringify(kept))
  const request = new URLSearchParams({
    response_type: 'code',
    client_id: settings.client_id,
    redirect_uri: settings.redirect_uri,
    scope: settings.scope,
    resource: settings.resource,
    state: kept.state,
    code_challenge: await hash(kept.verifier),
    code_challenge_method: 'S256',
  })
  location.assign(`${settings.authorization_endpoint}?${request}`)
}

async function finish(returned) {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}')
  sessionStorage.removeItem(KEPT)
  history.replaceState(null, '', location.pathname + (kept.place ?? ''))
  // RFC 9700 §4.7, RFC 9207 §2.4: an answer to what this tab has asked, from whom it has asked.
  if (!kept.state || returned.get('state') !== kept.state || returned.get('iss') !== settings.issuer) {
    throw new Error('This sign-in was not begun here. Please sign in again.')
  }
  if (returned.has('error')) throw new Error(returned.get('error_description') ?? returned.get('error'))
  await redeem({
    grant_type: 'authorization_code',
    code: returned.get('code'),
    redirect_uri: settings.redirect_uri,
    code_verifier: kept.verifier,
  })
  return true
}

async function redeem(form) {
  key ??= await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  const body = new URLSearchParams({ ...form, client_id: settings.client_id, resource: settings.resource })
  const send = async nonce => fetch(settings.token_endpoint, {
    method: 'POST', body, headers: { DPoP: await proof('POST', settings.token_endpoint, nonce) },
  })
  let answer = await send()
  const nonce = answer.headers.get('dpop-nonce')
  if (!answer.ok && nonce) answer = await send(nonce)
  const told = await answer.json()
  if (!answer.ok) throw new Error(told.error_description ?? told.error)
  tokens = { access: told.access_token, refresh: told.refresh_token }
}

async function proof(method, url, nonce, token) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key.publicKey)
  const head = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
  const claims = { jti: random(), htm: method, htu: url, iat: Math.floor(Date.now() / 1000) }
  if (nonce) claims.nonce = nonce
  if (token) claims.ath = await hash(token)
  const part = value => base64url(text.encode(JSON.stringify(value)))
  const input = `${part(head)}.${part(claims)}`
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.privateKey, text.encode(input))
  return `${input}.${base64url(signature)}`
}

/** What the API says when it does not do what it is asked. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `The server answered ${status}.`)
    this.status = status
    this.code = problem?.code
  }
}

/** Asks the API. Gives the body and the entity tag. */
export async function ask(method, path, { body, tag } = {}) {
  let answer = await send(method, path, body, tag)
  const nonce = answer.headers.get('dpop-nonce')
  if (answer.status === 401 && nonce) answer = await send(method, path, body, tag, nonce)
  if (answer.status === 401 && await renewed()) answer = await send(method, path, body, tag)
  const told = answer.status === 204 ? undefined : await answer.json().catch(() => undefined)
  if (answer.status === 401) {
    tokens = undefined
    await begin()
  }
  if (!answer.ok) throw new Refused(answer.status, told)
  return { body: told, tag: answer.headers.get('etag') }
}

async function send(method, path, body, tag, nonce) {
  const url = new URL(`../admin/v1${path}`, location.href)
  const headers = { Authorization: `DPoP ${tokens?.access}` }
  // RFC 9449 §4.2: without query and fragment.
  headers.DPoP = await proof(method, url.origin + url.pathname, nonce, tokens?.access)
  if (tag) headers['If-Match'] = tag
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  return fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })
}

async function renewed() {
  if (!tokens?.refresh) return false
  try {
    await redeem({ grant_type: 'refresh_token', refresh_token: tokens.refresh })
    return true
  } catch {
    return false
  }
}

/** Forgets everything, and has the issuer forget it too. */
export async function signOut() {
  const token = tokens?.refresh ?? tokens?.access
  tokens = undefined
  if (token) {
    const body = new URLSearchParams({ token, client_id: settings.client_id })
    await fetch(settings.revocation_endpoint, { method: 'POST', body }).catch(() => {})
  }
}
