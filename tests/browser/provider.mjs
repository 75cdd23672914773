// An identity provider nobody here wrote (oidc-provider): its people sign in with any name and any password. It can be down, and
// it can stop answering behind the browser's back.

import { createServer } from 'node:http'
import { once } from 'node:events'
import OidcProvider from 'oidc-provider'

export class IdentityProvider {
  #app
  #port
  #server
  /** Whether its token endpoint and userinfo answer. */
  answers = true
  /** The groups of each of its people. */
  groups = new Map()
  /** Who is not there any more. */
  gone = new Set()

  /** Will be at this port, once it is up, for one client: `{ client_id, client_secret, redirect_uris, post_logout_redirect_uris }`. */
  constructor(port, client) {
    this.#port = port
    this.issuer = `http://127.0.0.1:${port}`
    this.#app = this.#made(client)
  }

  async up() {
    this.#server = createServer(this.#app.callback())
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async down() {
    if (!this.#server) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    this.#server = undefined
    await closed
  }

  #made(client) {
    const claims = (id, groups) => ({ sub: id, name: `${id} of the lab`, email: `${id}@lab.example`, email_verified: true, groups })
    const app = new OidcProvider(this.issuer, {
      clients: [{ ...client, grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }],
      claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      cookies: { keys: ['of the tests'] },
      issueRefreshToken: async () => true,
      findAccount: async (_, id) => this.gone.has(id)
        ? undefined
        : { accountId: id, claims: async () => claims(id, this.groups.get(id) ?? []) },
    })
    app.use(async (context, next) => {
      if (!this.answers && ['/token', '/me'].includes(context.path)) context.status = 503
      else await next()
    })
    return app
  }
}
