// Live figures, drawn anew every few seconds.

import { ask } from './session.js'
import { facts, h, say, table, time } from './dom.js'

const EVERY = 5000
const SVG = 'http://www.w3.org/2000/svg'

export async function all({ place }) {
  const shown = h('div', {})
  const draw = async () => {
    const { body } = await ask('GET', '/figures')
    shown.replaceChildren(...picture(body))
  }
  await draw()
  const timer = setInterval(async () => {
    // Until somebody goes elsewhere.
    if (!place()) return clearInterval(timer)
    try {
      await draw()
    } catch (error) {
      say(error.message, true)
    }
  }, EVERY)
  return [shown]
}

function picture(figures) {
  // The last window has only begun.
  const windows = figures.windows.slice(0, -1)
  const last = windows.at(-1) ?? { requests: 0, failed: 0, p50: 0, p99: 0 }
  const each = name => windows.map(window => window[name])
  const rate = count => `${(count / figures.window_seconds).toFixed(1)} /s`
  const ms = value => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`
  return [
    h('div', { class: 'figures' },
      plot('Requests', rate(last.requests), each('requests')),
      plot('Errors', rate(last.failed), each('failed')),
      plot('Half take no longer than', ms(last.p50), each('p50')),
      plot('All but one of a hundred', ms(last.p99), each('p99'))),
    facts([
      ['Serves since', time(figures.started_at)],
      ['Requests', figures.requests.toLocaleString()], ['Errors', figures.failed.toLocaleString()],
      ['Reads of the store', figures.store_reads.toLocaleString()], ['Commits', figures.store_commits.toLocaleString()],
      ['Commits that lost a race', figures.store_conflicts.toLocaleString()],
      ['The store answers in', figures.store_milliseconds === null ? 'it does not answer' : ms(figures.store_milliseconds)],
      ['Rows counted', figures.rows ? time(figures.rows.counted_at) : 'they are being counted'],
    ]),
    table('Rows', ['Table', 'Rows', 'Past their time'], Object.entries(figures.rows?.tables ?? figures.overdue).map(([name]) =>
      [name, (figures.rows?.tables[name] ?? 0).toLocaleString(), (figures.overdue[name] ?? 0).toLocaleString()])),
  ]
}

/** A line of what was, with what is now beside it. Who does not see it hears the range. */
function plot(title, now, values) {
  const most = Math.max(...values, 1e-9)
  const points = values.map((value, place) => `${(place / Math.max(values.length - 1, 1)) * 100},${31 - (value / most) * 30}`)
  const svg = document.createElementNS(SVG, 'svg')
  for (const [name, value] of Object.entries({
    class: 'plot', viewBox: '0 0 100 32', preserveAspectRatio: 'none', role: 'img',
    'aria-label': `${title}, the last ten minutes: at most ${most < 0.001 ? 0 : most.toFixed(2)}`,
  })) svg.setAttribute(name, value)
  const line = document.createElementNS(SVG, 'path')
  line.setAttribute('d', points.length > 1 ? `M${points.join('L')}` : '')
  svg.append(line)
  return h('section', { 'aria-label': title }, h('h2', {}, title), h('p', { class: 'figure-value' }, now), svg)
}
