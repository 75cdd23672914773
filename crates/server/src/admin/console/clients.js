// Clients.

import { ask } from './session.js'
import { area, button, check, facts, field, flag, form, h, input, link, once, say, sure, table, time } from './dom.js'
import { list } from './list.js'

const METHODS = ['client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt', 'client_secret_jwt', 'tls_client_auth', 'self_signed_tls_client_auth']
/** Metadata that has a field of its own. */
const COMMON = ['client_name', 'redirect_uris', 'grant_types', 'scope', 'token_endpoint_auth_method']

const place = client => `clients/${encodeURIComponent(client.client_id)}`
const path = id => `/clients/${encodeURIComponent(id)}`

export async function all({ may }) {
  return [
    ...await list({
      id: 'clients', caption: 'Clients', path: '/clients', seek: { prefix: 'Client id begins with', client_id: 'Client id is' },
      columns: ['Client id', 'Name', 'Enabled', 'Owner', 'Made'],
      row: client => [link(place(client), client.client_id), client.metadata.client_name, flag(client.enabled), client.owner ?? '', time(client.created_at)],
    }),
    may('firman.clients.write') && h('details', {}, h('summary', {}, 'New client'), make()),
  ]
}

function make() {
  return form('client-new', [
    field('Client id', input('client_id'), 'Empty: a random one.'),
    ...fields({ redirect_uris: [], grant_types: ['authorization_code', 'refresh_token'], scope: 'openid profile' }, {}, null),
  ], 'Make it', async inputs => {
    const body = { ...said(inputs), client_id: inputs.client_id.value.trim() || undefined }
    const { body: made } = await ask('POST', '/clients', { body })
    location.hash = `#/${place(made.client)}`
    say(`The client ${made.client.client_id} is made.`)
    if (made.client_secret) once('The secret of the client', 'Client secret', made.client_secret)
  })
}

export async function one(id, { may, again }) {
  const { body: client, tag } = await ask('GET', path(id))
  return [client.metadata.client_name || client.client_id, [
    facts([
      ['Client id', client.client_id], ['Record', client.id], ['Enabled', flag(client.enabled)], ['Owner', client.owner],
      ['Origin', client.registered_itself ? 'registered itself' : client.origin],
      ['Operators’ client', client.serves_operators ? 'yes' : undefined],
      ['Made', time(client.created_at)], ['Edited', time(client.updated_at)],
      ['Grants', may('firman.grants.read') && link(`grants/by/client_id/${encodeURIComponent(client.client_id)}`, 'its grants')],
      ['Events', may('firman.events.read') && link(`events/by/about/${client.id}`, 'what happened to it')],
    ]),
    client.secrets.length > 0 && table('Secrets', ['Made', 'Ends'], client.secrets.map(secret => [time(secret.created_at), secret.expires_at ? time(secret.expires_at) : 'never'])),
    may('firman.clients.write') && edit(client, tag, again),
    h('div', { class: 'buttons' },
      may('firman.clients.write') && client.secrets.length > 0 && button('client-secret', 'New secret', () => rotate(client, again)),
      may('firman.grants.write') && button('client-sign-out', 'Revoke all its grants', () => signOut(client), { class: 'danger' }),
      may('firman.clients.write') && button('client-delete', 'Delete', () => remove(client, tag), { class: 'danger' })),
  ]]
}

function fields(metadata, policy, owner) {
  const other = Object.fromEntries(Object.entries(metadata).filter(([name]) => !COMMON.includes(name)))
  return [
    field('Name', input('client_name', metadata.client_name ?? '')),
    field('Redirect URIs', area('redirect_uris', (metadata.redirect_uris ?? []).join('\n'), 3), 'One on each line.'),
    field('Grant types', input('grant_types', (metadata.grant_types ?? []).join(' ')), 'With spaces between.'),
    field('Scope', input('scope', metadata.scope ?? ''), 'The most it may ask for.'),
    field('Authenticates by', h('select', { name: 'token_endpoint_auth_method' }, METHODS.map(method =>
      h('option', { value: method, selected: method === metadata.token_endpoint_auth_method }, method)))),
    field('Owner', input('owner', owner ?? ''), 'The subject of who may edit it; empty: nobody.'),
    field('Other metadata', area('other', JSON.stringify(other, null, 2), 6), 'RFC 7591, as JSON.'),
    field('Policy', area('policy', JSON.stringify(policy, null, 2), 4), 'Where it differs from the server’s, as JSON.'),
  ]
}

function said(inputs) {
  const words = name => inputs[name].value.split(/\s+/).filter(Boolean)
  return {
    owner: inputs.owner.value.trim() || undefined,
    metadata: {
      ...json('Other metadata', inputs.other.value),
      client_name: inputs.client_name.value,
      redirect_uris: words('redirect_uris'),
      grant_types: words('grant_types'),
      scope: words('scope').join(' '),
      token_endpoint_auth_method: inputs.token_endpoint_auth_method.value,
    },
    policy: json('Policy', inputs.policy.value),
  }
}

export function json(name, words) {
  try {
    return JSON.parse(words.trim() || '{}')
  } catch (error) {
    throw new Error(`${name}: ${error.message}`)
  }
}

function edit(client, tag, again) {
  return h('section', { 'aria-labelledby': 'client-edit-title' }, h('h2', { id: 'client-edit-title' }, 'Edit'),
    form('client-edit', [field('Enabled', check('enabled', client.enabled)), ...fields(client.metadata, client.policy, client.owner)], 'Save', async inputs => {
      const body = { ...said(inputs), enabled: inputs.enabled.checked }
      const { body: changed } = await ask('PUT', path(client.client_id), { body, tag })
      await again()
      say('The client is saved.')
      if (changed.client_secret) once('The new secret of the client', 'Client secret', changed.client_secret)
    }))
}

async function rotate(client, again) {
  if (!await sure('A new secret?', 'The secrets it has stop working in an hour.', 'Make a new one')) return
  const { body } = await ask('POST', `${path(client.client_id)}/secret`, { body: { overlap_seconds: 3600 } })
  await again()
  once('The new secret of the client', 'Client secret', body.client_secret)
}

async function signOut(client) {
  if (!await sure('Revoke all its grants?', `Everything issued to ${client.client_id} is dead at once. People may have to sign in again.`, 'Revoke all')) return
  await ask('POST', `${path(client.client_id)}/sign-out`)
  say('All its grants are revoked.')
}

async function remove(client, tag) {
  if (!await sure('Delete the client?', `${client.client_id} and everything issued to it is dead at once, for ever.`, 'Delete')) return
  await ask('DELETE', path(client.client_id), { tag })
  location.hash = '#/clients'
  say('The client is deleted.')
}
