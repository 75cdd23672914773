// Where people sign in beside here, as the settings say.

import { ask } from './session.js'
import { facts, h, table } from './dom.js'

export async function all() {
  const { body: { local_accounts, upstreams } } = await ask('GET', '/upstreams')
  const here = facts([['Accounts of this server', local_accounts ? 'yes' : 'no']])
  if (!upstreams.length) return [here, h('p', { class: 'none' }, 'People sign in here alone.')]
  const asked = one => one.recheck_seconds ? `after ${one.recheck_seconds} s` : 'never'
  const scopes = one => Object.entries(one.scopes).map(([scope, groups]) => `${scope}: ${groups.join(', ')}`).join('; ')
  return [
    here,
    table('Identity providers', ['Name', 'Issuer', 'Domains', 'Groups let in', 'Scopes of groups', 'Asked again'],
      upstreams.map(one => [one.name, one.issuer, one.domains.join(' '), one.allowed_groups.join(' ') || 'all', scopes(one), asked(one)])),
    table('What must be registered there', ['Name', 'Client', 'Redirect URI', 'Post-logout redirect URI'],
      upstreams.map(one => [one.name, one.client_id, one.redirect_uri, one.post_logout_redirect_uri ?? 'none'])),
  ]
}
