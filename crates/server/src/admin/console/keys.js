// The keys that sign and seal.

import { ask } from './session.js'
import { button, h, say, sure, table, time } from './dom.js'

export async function all({ may, again }) {
  const { body: keys } = await ask('GET', '/keys')
  const writes = may('firman.keys.write')
  const when = key => [key.state, time(key.made_at), time(key.current_from), time(key.retired_from), time(key.ends_at)]
  const columns = ['State', 'Made', 'Used from', 'Retired from', 'Ends']
  const act = (title, words, verb, path, body) => async () => {
    if (!await sure(title, words, verb)) return
    await ask('POST', path, { body })
    await again()
    say('Done.')
  }
  const revoke = (key, name, words, path) => writes ? [key.state !== 'ended' && button(`key-revoke-${name}`, 'Revoke',
    act(`Revoke key ${name}?`, words, 'Revoke', path), { class: 'danger', 'aria-label': `Revoke ${name}` }) || ''] : []
  const last = writes ? ['Revoke'] : []
  return [
    table('Keys that sign', ['Key', 'Algorithm', ...columns, ...last], keys.signing.map(key => [h('span', { class: 'key' }, key.kid), key.alg, ...when(key),
      ...revoke(key, key.kid, 'Nothing that it signed is good any more: no JWT access token, no ID token. Others take it from the published keys within minutes.',
        `/keys/signing/${key.kid}/revoke`)])),
    writes && h('div', { class: 'buttons' }, button('keys-rotate', 'New signing keys',
      act('New signing keys?', 'They sign from now on. The old ones stay published until what they signed has expired.', 'Make them', '/keys/signing/rotate'))),
    table('Keys that seal', ['Key', ...columns, ...last], keys.sealing.map(key => [String(key.number), ...when(key),
      ...revoke(key, key.number, 'No token that it sealed opens any more: everybody who has one must sign in again, perhaps you too.',
        `/keys/sealing/${key.number}/revoke`)])),
    writes && h('div', { class: 'buttons' }, button('seal-rotate', 'New seal key',
      act('A new seal key?', 'It seals in half a minute. The old one opens until the last token it sealed has expired.', 'Make it', '/keys/sealing/rotate', {}))),
  ]
}

export const one = all
