// The console: areas, and which of them is shown.

import { button, h, say } from './dom.js'
import { ask, issuer, signIn, signOut } from './session.js'
import * as accounts from './accounts.js'
import * as clients from './clients.js'
import * as trail from './trail.js'
import * as keys from './keys.js'
import * as grants from './grants.js'
import * as resources from './resources.js'
import * as figures from './figures.js'
import * as trust from './trust.js'
import * as upstreams from './upstreams.js'

/** Name of an area in the address, what it is called, the scope to see it, and what shows it. */
const AREAS = [
  ['figures', 'Figures', 'firman.figures.read', figures],
  ['clients', 'Clients', 'firman.clients.read', clients],
  ['accounts', 'Accounts', 'firman.accounts.read', accounts],
  ['grants', 'Grants', 'firman.grants.read', grants.grants],
  ['sessions', 'Sessions', 'firman.sessions.read', grants.sessions],
  ['flows', 'Flows', 'firman.flows.read', grants.flows],
  ['resources', 'Resources', 'firman.resources.read', resources],
  ['keys', 'Keys', 'firman.keys.read', keys],
  ['trust', 'Trust', 'firman.trust.read', trust],
  ['upstreams', 'Upstreams', 'firman.upstreams.read', upstreams],
  ['deliveries', 'Deliveries', 'firman.deliveries.read', grants.deliveries],
  ['events', 'Events', 'firman.events.read', trail],
]

const main = document.getElementById('main')
let me
let shown = 0

async function show() {
  const [, name, ...rest] = location.hash.split('/')
  const words = rest.map(decodeURIComponent)
  const seen = AREAS.filter(([, , scope]) => may(scope))
  const [place, title, , area] = seen.find(([place]) => place === name) ?? seen[0] ?? []
  document.getElementById('areas').replaceChildren(h('ul', {}, seen.map(([place_, title]) =>
    h('li', {}, h('a', { href: `#/${place_}`, 'aria-current': place_ === place && 'page' }, title)))))
  if (!area) return main.replaceChildren(h('h1', {}, 'Nothing'), h('p', {}, 'Your role lets you see nothing here.'))
  const mine = ++shown
  say('')
  let heading = title
  let content
  try {
    const context = { may, again: show, place: () => mine === shown }
    // A list of what is said after `by`, or one record.
    const [first, ...others] = words
    if (!first || first === 'by') content = await area.all(context, others)
    else [heading, content] = await area.one(first, context)
  } catch (error) {
    content = [h('p', { class: 'problem', role: 'alert' }, error.message)]
  }
  // Somebody went elsewhere meanwhile.
  if (mine !== shown) return
  const top = h('h1', { tabindex: -1 }, heading)
  main.replaceChildren(top, ...content.filter(Boolean))
  document.title = `${heading} – Console`
  top.focus({ preventScroll: true })
}

const may = scope => me.scope.split(' ').includes(scope)

function greet() {
  const name = me.username ?? me.subject ?? me.client_id
  document.getElementById('who').replaceChildren(h('span', {}, name), button('sign-out', 'Sign out', async () => {
    await signOut()
    shown += 1
    document.getElementById('who').replaceChildren()
    document.getElementById('areas').replaceChildren()
    main.replaceChildren(h('h1', {}, 'Signed out'), h('p', {}, `This console is signed out; at ${issuer} you still are signed in.`),
      button('sign-in', 'Sign in again', () => location.reload()))
  }, { class: 'quiet' }))
}

function failed(error) {
  main.replaceChildren(h('h1', {}, 'You are not in'), h('p', { class: 'problem', role: 'alert' }, error.message),
    error.status === 403 && h('p', {}, 'Who runs this server can make you an operator: firman admin grant-operator'),
    button('sign-in', 'Sign in again', () => location.assign(location.pathname)))
}

try {
  if (await signIn()) {
    me = (await ask('GET', '/me')).body
    greet()
    addEventListener('hashchange', show)
    await show()
  }
} catch (error) {
  failed(error)
}
