// Lists, a page at a time, with what is sought above them.

import { ask } from './session.js'
import { button, field, h, input, table } from './dom.js'

/**
 * A list of what an address of the API gives. `seek` are its query parameters, each with a label, or with a label and a type; without
 * the one that it `needs` nothing is shown yet. */
export async function list({ id, caption, path, seek = {}, given = {}, columns, row, needs }) {
  const place = h('div', { id })
  const more = h('div', { class: 'buttons' })
  let found = []
  let query = { ...given }

  const show = next => {
    const none = h('p', { class: 'none' }, 'There is nothing here.')
    place.replaceChildren(found.length ? table(caption, columns, found.map(row)) : none)
    more.replaceChildren(...next ? [button(`${id}-more`, 'More', () => load(next), { class: 'quiet' })] : [])
  }
  const load = async cursor => {
    const asked = Object.entries({ ...query, cursor }).filter(([, value]) => value)
    const { body } = await ask('GET', `${path}?${new URLSearchParams(asked)}`)
    found = cursor ? found.concat(body.items) : body.items
    show(body.next)
  }
  // Some lists are of somebody, and nobody has been named yet.
  if (!needs || query[needs]) await load()
  return [Object.keys(seek).length > 0 && search(id, seek, given, async asked => {
    query = asked
    await load()
  }), place, more]
}

function search(id, seek, given, run) {
  const fields = Object.entries(seek).map(([name, wanted]) => {
    const { label, type } = wanted.label ? wanted : { label: wanted, type: 'search' }
    return field(label, input(name, given[name] ?? '', { type, id: `${id}-${name}` }))
  })
  const problem = h('p', { class: 'problem', role: 'alert' })
  const form = h('form', { class: 'search', role: 'search' }, fields, h('button', { id: `${id}-search` }, 'Search'), problem)
  form.addEventListener('submit', async event => {
    event.preventDefault()
    problem.textContent = ''
    try {
      await run(Object.fromEntries(Object.keys(seek).map(name => [name, said(form.elements[name])])))
    } catch (error) {
      problem.textContent = error.message
    }
  })
  return form
}

/** What a field says to the API, which counts days from 1970-01-01. */
function said({ type, value, valueAsNumber }) {
  if (type !== 'date') return value.trim()
  return Number.isNaN(valueAsNumber) ? '' : String(valueAsNumber / 86_400_000)
}
