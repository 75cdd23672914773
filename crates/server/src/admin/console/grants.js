// Grants, sessions and flows: what was allowed, where somebody is signed in, and what is being asked.

import { ask } from './session.js'
import { button, facts, field, flag, form, h, input, link, say, sure, time } from './dom.js'
import { list } from './list.js'

const lookup = (id, label, area) => form(id, [field(label, input('id', '', { required: true, spellcheck: 'false' }))], 'Show', inputs => {
  location.hash = `#/${area}/${encodeURIComponent(inputs.id.value.trim())}`
})

export const grants = {
  async all(context, [by, of] = []) {
    const given = by && of ? { [by]: of } : {}
    return [
      ...await list({
        id: 'grants', caption: 'Grants', path: '/grants', seek: { subject: 'Subject', client_id: 'Client id' }, given,
        columns: ['Grant', 'Kind', 'Subject', 'Scope', 'Made', 'Live'],
        row: grant => [link(`grants/${grant.id}`, grant.id), grant.kind, grant.subject ?? '', grant.scope, time(grant.made_at), flag(grant.live)],
      }),
    ]
  },
  async one(id, { may, again }) {
    const { body: grant } = await ask('GET', `/grants/${encodeURIComponent(id)}`)
    return ['Grant', [
      facts([
        ['Record', grant.id], ['Kind', grant.kind], ['Name', grant.name], ['Live', flag(grant.live)],
        ['Subject', grant.subject && link(`accounts/${grant.subject}`, grant.subject)], ['Client’s record', grant.client],
        ['Scope', grant.scope], ['Resources', grant.resource.join(' ')],
        ['Session', grant.session && link(`sessions/${grant.session}`, grant.session)],
        ['Delegated from', grant.parent && link(`grants/${grant.parent}`, grant.parent)],
        ['Made', time(grant.made_at)], ['Refreshed', grant.generation === undefined ? undefined : `${grant.generation} times`],
        ['Last', grant.refreshed_at && time(grant.refreshed_at)], ['Ends', grant.expires_at ? time(grant.expires_at) : 'never'],
        ['Revoked', grant.revoked_at && time(grant.revoked_at)], ['Why', grant.reason],
        ['Events', may('firman.events.read') && link(`events/by/about/${grant.id}`, 'what happened to it')],
      ]),
      may('firman.grants.write') && grant.live && h('div', { class: 'buttons' }, button('grant-revoke', 'Revoke', async () => {
        if (!await sure('Revoke the grant?', 'Every token under it is dead at once.', 'Revoke')) return
        await ask('POST', `/grants/${grant.id}/revoke`)
        await again()
        say('The grant is revoked.')
      }, { class: 'danger' })),
    ]]
  },
}
export const sessions = {
  async all(context, [by, of] = []) {
    const given = by && of ? { [by]: of } : {}
    return [
      ...await list({
        id: 'sessions', caption: 'Sessions', path: '/sessions', seek: { subject: 'Subject' }, given, needs: 'subject',
        columns: ['Session', 'Signed in', 'By', 'Last seen', 'Live'],
        row: session => [link(`sessions/${session.id}`, session.id), time(session.auth_time), session.amr.join(' '), time(session.last_seen), flag(session.live)],
      }),
      lookup('session-find', 'Id of a session', 'sessions'),
    ]
  },
  async one(id, { may, again }) {
    const { body: session } = await ask('GET', `/sessions/${encodeURIComponent(id)}`)
    return ['Session', [
      facts([
        ['Record', session.id], ['User name', session.username], ['Subject', link(`accounts/${session.subject}`, session.subject)],
        ['Live', flag(session.live)], ['Signed in', time(session.auth_time)], ['By', session.amr.join(' ')], ['Class', session.acr],
        ['Last seen', time(session.last_seen)], ['Ends', time(session.expires_at)], ['Ended', session.ended_at && time(session.ended_at)],
      ]),
      may('firman.sessions.write') && session.live && h('div', { class: 'buttons' }, button('session-end', 'End it', async () => {
        if (!await sure('End the session?', 'Its browser is signed out.', 'End it')) return
        await ask('POST', `/sessions/${session.id}/end`)
        await again()
        say('The session is over.')
      }, { class: 'danger' })),
    ]]
  },
}

export const flows = {
  async all() {
    return [
      ...await list({
        id: 'flows', caption: 'Flows of a day (today, if none is said), newest first', path: '/flows', seek: { day: { label: 'Day (UTC)', type: 'date' } },
        columns: ['Flow', 'Kind', 'State', 'Subject', 'Scope', 'Made'],
        row: flow => [link(`flows/${flow.id}`, flow.id), flow.kind, flow.state, flow.subject ?? '', flow.scope, time(flow.made_at)],
      }),
      lookup('flow-find', 'Id of a flow', 'flows'),
    ]
  },
  async one(id) {
    const { body: flow } = await ask('GET', `/flows/${encodeURIComponent(id)}`)
    return ['Flow', [facts([
      ['Record', flow.id], ['Kind', flow.kind], ['State', flow.state], ['Client’s record', flow.client], ['Asked for', flow.scope],
      ['Subject', flow.subject && link(`accounts/${flow.subject}`, flow.subject)], ['Allowed', flow.granted_scope],
      ['Wrong attempts', String(flow.misses)], ['Made', time(flow.made_at)], ['Good until', time(flow.expires_at)],
    ])]]
  },
}

export const deliveries = {
  all: async () => list({
    id: 'deliveries', caption: 'Deliveries, newest first', path: '/deliveries',
    columns: ['Delivery', 'Kind', 'State', 'Since', 'Tried', 'Made', 'Error'],
    row: delivery => [link(`deliveries/${delivery.id}`, delivery.id), delivery.kind, delivery.state, time(delivery.state_at), String(delivery.attempts), time(delivery.made_at), delivery.error ?? ''],
  }),
  async one(id) {
    const { body: delivery } = await ask('GET', `/deliveries/${encodeURIComponent(id)}`)
    return ['Delivery', [facts([
      ['Record', delivery.id], ['Kind', delivery.kind], ['State', delivery.state], ['Since', time(delivery.state_at)],
      ['Client’s record', delivery.client], ['Tried', `${delivery.attempts} times`], ['Made', time(delivery.made_at)],
      ['Given up', time(delivery.expires_at)], ['Error', delivery.error], ['More', JSON.stringify(delivery.details)],
    ])]]
  },
}
