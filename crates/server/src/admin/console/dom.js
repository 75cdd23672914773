// Pieces of pages. Texts are only ever set as texts.

/** An element: attributes, listeners (on…), and children that are elements or texts. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue
    if (attribute.startsWith('on')) element.addEventListener(attribute.slice(2), value)
    else element.setAttribute(attribute, value === true ? '' : value)
  }
  element.append(...children.flat().filter(child => child !== undefined && child !== null && child !== false))
  return element
}

/** Says something to everybody, also to those who do not see it. */
export function say(words, wrong = false) {
  const status = document.getElementById('status')
  status.classList.toggle('wrong', wrong)
  status.textContent = words
}

/** A time of the API, in the reader's own way of writing. */
export function time(seconds) {
  if (seconds === undefined || seconds === null) return '–'
  const at = new Date(seconds * 1000)
  return h('time', { datetime: at.toISOString() }, at.toLocaleString())
}

/** Yes or no, said in a word. */
export const flag = (value, yes = 'yes', no = 'no') => h('span', { class: value ? 'mark good' : 'mark bad' }, value ? yes : no)

/** A link to a place of the console. */
export const link = (place, words) => h('a', { href: `#/${place}` }, words)

/** A table. */
export function table(caption, columns, rows) {
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', {},
      h('caption', {}, caption),
      h('thead', {}, h('tr', {}, columns.map(column => h('th', { scope: 'col' }, column)))),
      h('tbody', {}, rows.map(cells => h('tr', {}, cells.map((cell, place) =>
        place === 0 ? h('th', { scope: 'row' }, cell ?? '') : h('td', {}, cell ?? '')))))))
}

/** What is known of one thing. */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(([, value]) => value !== undefined && value !== null && value !== '')
    .flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]))
}

/** A field with its label. */
export function field(label, input, hint) {
  input.id ||= `field-${++fields}`
  const described = hint && `${input.id}-hint`
  if (described) input.setAttribute('aria-describedby', described)
  return h('div', { class: input.type === 'checkbox' ? 'field check' : 'field' },
    h('label', { for: input.id }, label), input, hint && h('p', { class: 'hint', id: described }, hint))
}
let fields = 0

export const input = (name, value = '', more = {}) => h('input', { name, value, autocomplete: 'off', ...more })
export const area = (name, value = '', rows = 4) =>
  h('textarea', { name, rows, spellcheck: 'false' }, value)
export const check = (name, on) => h('input', { type: 'checkbox', name, checked: on })

/** A form that does something, and says what is wrong with it where it is. */
export function form(id, children, words, run) {
  const problem = h('p', { class: 'problem', role: 'alert' })
  const button = h('button', { type: 'submit', id: `${id}-submit` }, words)
  const element = h('form', { id, class: 'edit' }, children, problem, button)
  element.addEventListener('submit', async event => {
    event.preventDefault()
    problem.textContent = ''
    button.disabled = true
    try {
      await run(element.elements)
    } catch (error) {
      problem.textContent = error.message
    } finally {
      button.disabled = false
    }
  })
  return element
}

/** A button that does something. */
export function button(id, words, run, more = {}) {
  const element = h('button', { type: 'button', id, ...more }, words)
  element.addEventListener('click', async () => {
    try {
      await run()
    } catch (error) {
      say(error.message, true)
    }
  })
  return element
}

/** Asks before something that cannot be undone. */
export function sure(title, words, verb) {
  return new Promise(resolve => {
    const dialog = h('dialog', { 'aria-labelledby': 'sure-title', 'aria-describedby': 'sure-words', class: 'sure' },
      h('h2', { id: 'sure-title' }, title), h('p', { id: 'sure-words' }, words),
      h('form', { method: 'dialog', class: 'buttons' },
        h('button', { value: 'no', class: 'quiet', autofocus: true }, 'Cancel'),
        h('button', { value: 'yes', class: 'danger', id: 'sure-yes' }, verb)))
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}

/** Shows something once, and says more about it. */
export function once(title, name, value, more = []) {
  const dialog = h('dialog', { 'aria-labelledby': 'once-title', class: 'sure' },
    h('h2', { id: 'once-title' }, title),
    h('p', {}, 'Keep it now: it is shown this once and never again. ', ...more),
    field(name, input('once', value, { readonly: true, id: 'once-value' })),
    h('form', { method: 'dialog', class: 'buttons' }, h('button', { value: 'yes', id: 'once-done' }, 'I have kept it')))
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}
