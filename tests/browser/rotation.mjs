// A provider nobody here wrote (oidc-provider), whose refresh tokens rotate, and which ends the whole grant when an old one comes
// back. It registers clients by themselves. Told `sign in <address>`, it is the person: any name, and yes. Told `count`, it says
// what it was asked for.

import { createServer } from 'node:http'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import OidcProvider from 'oidc-provider'

const server = createServer()
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${server.address().port}`

const provider = new OidcProvider(issuer, {
  cookies: { keys: ['of the tests'] },
  features: {
    registration: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: true },
  },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
})
const counted = { refreshed: 0, revoked: 0 }
provider.on('refresh_token.consumed', () => { counted.refreshed += 1 })
provider.on('grant.revoked', () => { counted.revoked += 1 })
server.on('request', provider.callback())
say({ issuer })

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('sign in ')) say({ status: await signIn(line.slice('sign in '.length)) })
  if (line === 'count') say(counted)
}

function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

/** A person without a window: follows, fills in the first form, and says yes to the next. */
async function signIn(address) {
  const cookies = new Map()
  let request = { url: address }
  for (let step = 0; step < 20; step += 1) {
    const body = request.form && new URLSearchParams(request.form)
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(request.url, { method: body ? 'POST' : 'GET', body, headers: { cookie }, redirect: 'manual' })
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)
      cookies.set(name, value)
    }
    const location = answer.headers.get('location')
    if (location) {
      request = { url: new URL(location, request.url).href }
      if (!request.url.startsWith(issuer)) return (await fetch(request.url)).status
      continue
    }
    const page = await answer.text()
    const [, action] = /<form[^>]*action="([^"]+)"/.exec(page) ?? []
    if (!action) throw new Error(`stopped at ${request.url}: ${answer.status} ${page}`)
    const [, prompt] = /name="prompt" value="([^"]+)"/.exec(page)
    request = { url: new URL(action, request.url).href, form: { prompt, login: 'alice', password: 'any' } }
  }
  throw new Error('the sign-in does not end')
}
