// Accounts.

import { ask } from './session.js'
import { area, button, check, facts, field, flag, form, h, input, link, once, say, sure, time } from './dom.js'
import { json } from './clients.js'
import { list } from './list.js'

const place = account => `accounts/${account.id}`

export async function all({ may }) {
  return [
    ...await list({
      id: 'accounts', caption: 'Accounts', path: '/accounts', seek: { prefix: 'User name begins with', username: 'User name is' },
      columns: ['User name', 'Enabled', 'Operator', 'Made', 'Subject'],
      row: account => [link(place(account), account.username), flag(account.enabled), account.operator ? 'yes' : '', time(account.created_at), account.id],
    }),
    may('firman.accounts.write') && h('details', {}, h('summary', {}, 'New account'), make()),
  ]
}

function make() {
  return form('account-new', [
    field('User name', input('username', '', { required: true })),
    field('Password', input('password', '', { type: 'password', required: true, minlength: 8, autocomplete: 'new-password' })),
    field('Claims', area('claims', '{}', 3), 'OpenID Connect standard claims, as JSON.'),
  ], 'Make it', async inputs => {
    const body = { username: inputs.username.value, password: inputs.password.value, claims: json('Claims', inputs.claims.value) }
    const { body: made } = await ask('POST', '/accounts', { body })
    location.hash = `#/${place(made)}`
    say(`The account ${made.username} is made.`)
  })
}

export async function one(id, { may, again }) {
  const { body: account, tag } = await ask('GET', `/accounts/${encodeURIComponent(id)}`)
  const path = `/accounts/${account.id}`
  const writes = may('firman.accounts.write')
  return [account.username, [
    facts([
      ['Subject', account.id], ['Enabled', flag(account.enabled)], ['Password', account.has_password ? 'set' : 'none'], ['Beside it', account.factors.join(' ')],
      ['Failed attempts', account.failed_attempts ? String(account.failed_attempts) : undefined],
      ['Operator', account.operator || 'no'], ['Made', time(account.created_at)], ['Edited', time(account.updated_at)],
      ['Grants', may('firman.grants.read') && link(`grants/by/subject/${account.id}`, 'what they allowed')],
      ['Sessions', may('firman.sessions.read') && link(`sessions/by/subject/${account.id}`, 'where they are signed in')],
      ['Events', may('firman.events.read') && link(`events/by/about/${account.id}`, 'what happened to it')],
    ]),
    writes && h('section', { 'aria-labelledby': 'account-edit-title' }, h('h2', { id: 'account-edit-title' }, 'Edit'),
      form('account-edit', [
        field('User name', input('username', account.username, { required: true })),
        field('Enabled', check('enabled', account.enabled), 'Who is disabled is signed out everywhere, and what they allowed is dead.'),
        field('Claims', area('claims', JSON.stringify(account.claims, null, 2), 8)),
      ], 'Save', async inputs => {
        const enabled = inputs.enabled.checked
        if (account.enabled && !enabled && !await sure('Disable the account?', `${account.username} is signed out everywhere, and what they allowed is dead.`, 'Disable')) return
        await ask('PUT', path, { tag, body: { username: inputs.username.value, enabled, claims: json('Claims', inputs.claims.value) } })
        await again()
        say('The account is saved.')
      })),
    writes && h('section', { 'aria-labelledby': 'password-title' }, h('h2', { id: 'password-title' }, 'Password'),
      form('account-password', [field('New password', input('password', '', { type: 'password', required: true, minlength: 8, autocomplete: 'new-password' }), 'The account is signed out everywhere.')], 'Set', async inputs => {
        await ask('PUT', `${path}/password`, { body: { password: inputs.password.value } })
        await again()
        say('The password is set.')
      })),
    may('firman.operators.write') && h('section', { 'aria-labelledby': 'operator-title' }, h('h2', { id: 'operator-title' }, 'Operator'),
      form('account-operator', [field('May do', input('scope', account.operator), 'Scopes of this console’s API; empty: everything.')], 'Make an operator', async inputs => {
        const scope = inputs.scope.value.trim() || undefined
        await ask('PUT', `${path}/operator`, { tag, body: { scope } })
        await again()
        say('They are an operator now.')
      })),
    h('div', { class: 'buttons' },
      may('firman.operators.write') && account.operator && button('account-no-operator', 'No operator any more', async () => {
        if (!await sure('No operator any more?', `${account.username} may use this console no more, at once.`, 'Withdraw')) return
        await ask('DELETE', `${path}/operator`, { tag })
        await again()
        say('They are no operator any more.')
      }, { class: 'danger' }),
      writes && account.enabled && button('account-reset-link', 'Make a link for a new password', async () => {
        const { body: made } = await ask('POST', `${path}/reset-link`)
        once('A link for a new password', 'Link', made.link, ['Whoever has it, has the account. It is good once, until ', time(made.expires_at), '.'])
      }, { class: 'quiet' }),
      writes && button('account-unlock', 'Forget failed attempts', async () => {
        await ask('POST', `${path}/unlock`)
        await again()
        say('They may try again.')
      }, { class: 'quiet' }),
      writes && account.factors.length > 0 && button('account-factors', 'Reset factors', async () => {
        if (!await sure('Reset factors?', `The app, recovery codes and passkeys of ${account.username} are taken away, and they are signed out everywhere.`, 'Reset')) return
        await ask('DELETE', `${path}/factors`, { tag })
        await again()
        say('The factors are reset.')
      }, { class: 'danger' }),
      may('firman.sessions.write') && may('firman.grants.write') && button('account-sign-out', 'Sign out everywhere', async () => {
        if (!await sure('Sign out everywhere?', `All sessions of ${account.username} end, and what they allowed is dead.`, 'Sign out')) return
        await ask('POST', `${path}/sign-out`)
        say('The account is signed out everywhere.')
      }, { class: 'danger' })),
  ]]
}
