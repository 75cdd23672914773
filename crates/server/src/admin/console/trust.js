// Whom the server trusts, as its settings say.

import { ask } from './session.js'
import { facts, h, table } from './dom.js'

export async function all() {
  const { body: trust } = await ask('GET', '/trust')
  const none = what => h('p', { class: 'none' }, what)
  return [
    trust.assertions.length ? table('Issuers whose assertions are taken', ['Issuer', 'Keys', 'Scope', 'Clients', 'Subjects', 'Account', 'Claim'],
      trust.assertions.map(one => [one.issuer, one.jwks_uri ?? 'in the settings', one.scope, one.clients.join(' '), one.subjects.join(' '), one.account, one.claim]))
      : none('No assertions of others are taken.'),
    trust.statements.length ? table('Issuers whose software statements are taken', ['Issuer', 'Keys'], trust.statements.map(one => [one.issuer, one.jwks_uri]))
      : none('No software statements are taken.'),
    facts([['Hosts of client documents', trust.client_documents.join(' ') || 'none']]),
  ]
}
