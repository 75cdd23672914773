// Resources: the servers that access tokens are for.

import { ask } from './session.js'
import { button, check, facts, field, flag, form, h, input, link, once, say, sure, table, time } from './dom.js'
import { list } from './list.js'

const path = identifier => `/resources/${encodeURIComponent(identifier)}`
const place = identifier => `resources/${encodeURIComponent(identifier)}`

export async function all({ may }) {
  return [
    ...await list({
      id: 'resources', caption: 'Resources', path: '/resources', seek: { prefix: 'Identifier begins with', identifier: 'Identifier is' },
      columns: ['Identifier', 'Name', 'Enabled', 'Tokens', 'Scope'],
      row: resource => [link(place(resource.identifier), resource.identifier), resource.name, flag(resource.enabled), resource.token_format ?? '', resource.scope],
    }),
    may('firman.resources.write') && h('details', {}, h('summary', {}, 'New resource'), make()),
  ]
}

const fields = resource => [
  field('Name', input('name', resource.name ?? '')),
  field('Scope', input('scope', resource.scope ?? ''), 'What may be asked for there; empty: anything.'),
  field('Tokens', h('select', { name: 'token_format' }, ['', 'opaque', 'jwt'].map(format =>
    h('option', { value: format, selected: format === (resource.token_format ?? '') }, format || 'as the client or the server says')))),
  field('Tokens live (seconds)', input('access_token_seconds', resource.access_token_seconds ?? '', { type: 'number', min: 10, max: 86400 })),
  field('Checks itself', input('enforces', (resource.enforces ?? []).join(' ')), 'Caveats: method, path.'),
]

const said = inputs => ({
  name: inputs.name.value,
  scope: inputs.scope.value.trim(),
  token_format: inputs.token_format.value || undefined,
  access_token_seconds: inputs.access_token_seconds.value ? Number(inputs.access_token_seconds.value) : undefined,
  enforces: inputs.enforces.value.split(/\s+/).filter(Boolean),
})

function make() {
  return form('resource-new', [
    field('Identifier', input('identifier', '', { required: true }), 'An absolute URI: the audience of its tokens.'),
    field('Gets a secret', check('secret', false), 'To ask about tokens with.'),
    ...fields({}),
  ], 'Register it', async inputs => {
    const body = { ...said(inputs), identifier: inputs.identifier.value.trim(), secret: inputs.secret.checked }
    const { body: made } = await ask('POST', '/resources', { body })
    location.hash = `#/${place(made.resource.identifier)}`
    say('The resource is registered.')
    if (made.secret) once('The secret of the resource', 'Secret', made.secret)
  })
}

export async function one(identifier, { may, again }) {
  const { body: resource, tag } = await ask('GET', path(identifier))
  const writes = may('firman.resources.write')
  return [resource.name || resource.identifier, [
    facts([
      ['Identifier', resource.identifier], ['Record', resource.id], ['Enabled', flag(resource.enabled)], ['Made', time(resource.created_at)],
      ['Edited', time(resource.updated_at)], ['Events', may('firman.events.read') && link(`events/by/about/${resource.id}`, 'what happened to it')],
    ]),
    resource.secrets.length > 0 && table('Secrets', ['Made', 'Ends'], resource.secrets.map(secret => [time(secret.created_at), secret.expires_at ? time(secret.expires_at) : 'never'])),
    writes && h('section', { 'aria-labelledby': 'resource-edit-title' }, h('h2', { id: 'resource-edit-title' }, 'Edit'),
      form('resource-edit', [field('Enabled', check('enabled', resource.enabled)), ...fields(resource)], 'Save', async inputs => {
        await ask('PUT', path(identifier), { tag, body: { ...said(inputs), enabled: inputs.enabled.checked } })
        await again()
        say('The resource is saved.')
      })),
    writes && h('div', { class: 'buttons' },
      button('resource-secret', 'New secret', async () => {
        if (!await sure('A new secret?', 'The secrets it has stop working in an hour.', 'Make a new one')) return
        const { body } = await ask('POST', `${path(identifier)}/secret`, { body: { overlap_seconds: 3600 } })
        await again()
        once('The new secret of the resource', 'Secret', body.secret)
      }),
      button('resource-delete', 'Remove', async () => {
        if (!await sure('Remove the resource?', 'Nothing is issued for it any more, and it is told nothing.', 'Remove')) return
        await ask('DELETE', path(identifier), { tag })
        location.hash = '#/resources'
        say('The resource is removed.')
      }, { class: 'danger' })),
  ]]
}
