// The audit trail.

import { link, time } from './dom.js'
import { list } from './list.js'

export async function all(_, [by, of] = []) {
  return list({
    id: 'events', caption: 'Events, newest first', path: '/events', seek: { kind: 'Kind', subject: 'Subject', client: 'Client’s record', about: 'About the record' }, given: by && of ? { [by]: of } : {},
    columns: ['What', 'When', 'Who', 'About', 'More'],
    row: event => [event.kind, time(event.at), who(event), link(`events/by/about/${event.about}`, event.about), more(event)],
  })
}

function who({ details: { actor }, subject }) {
  if (!actor) return subject ?? ''
  return actor.subject ?? actor.client_id ?? actor.kind
}

function more({ details }) {
  return Object.entries(details).filter(([name]) => name !== 'actor')
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ')
}

export const one = async () => ['Events', []]
