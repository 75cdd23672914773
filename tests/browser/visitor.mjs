// A person at a browser without a window: keeps cookies, follows redirects within the server, presses buttons by their ids.

import assert from 'node:assert/strict'

export class Visitor {
  #cookies = new Map()

  constructor(ready) {
    this.ready = ready
  }

  /** Follows `url` through every page, saying yes, until the browser is sent elsewhere or a page asks for nothing. */
  async walk(url, code) {
    let place = await this.#go(url)
    for (let pages = 0; pages < 10; pages++) {
      if (place.elsewhere) return place.elsewhere
      const { username, password } = this.ready
      if (place.html.includes('id="device-form"')) {
        place = await this.#press(place, 'device-submit', { user_code: code })
      } else if (place.html.includes('id="login-form"')) {
        place = await this.#press(place, 'login-submit', { username, password })
      } else if (place.html.includes('id="consent-allow"')) {
        place = await this.#press(place, 'consent-allow', {})
      } else if (place.html.includes('id="form-post"')) {
        return { action: attribute(form(place.html, 'form-post-submit'), 'action'), members: hidden(form(place.html, 'form-post-submit')) }
      } else {
        return place
      }
    }
    throw new Error(`it does not end: ${place.url}`)
  }

  /** Signs in on the page of requests if need be, and answers the one there is, which shows `message`. */
  async answer(url, message, decision) {
    let place = await this.#go(url)
    if (place.html.includes('id="login-form"')) {
      const { username, password } = this.ready
      place = await this.#press(place, 'login-submit', { username, password })
    }
    assert(place.html.includes(message), place.html)
    const buttons = [...place.html.matchAll(new RegExp(`id="(${decision}-[^"]+)"`, 'g'))]
    assert.equal(buttons.length, 1)
    place = await this.#press(place, buttons[0][1], {})
    assert(place.html.includes('id="requests-none"'), place.html)
  }

  async #go(url, init = {}) {
    for (let hops = 0; hops < 10; hops++) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url, { redirect: 'manual', ...init, headers: { ...init.headers, ...cookie && { cookie } } })
      for (const line of response.headers.getSetCookie()) {
        const [name, value] = line.split(';')[0].split('=')
        this.#cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (!location) return { url: new URL(url), status: response.status, html: await response.text() }
      url = new URL(location, url)
      if (url.origin !== new URL(this.ready.issuer).origin) return { elsewhere: url }
      init = {}
    }
    throw new Error(`too many redirects, the last to ${url}`)
  }

  async #press(place, button, typed) {
    const text = form(place.html, button)
    const fields = new URLSearchParams({ ...hidden(text), ...typed })
    const pressed = text.match(new RegExp(`<button[^>]*id="${button}"[^>]*>`))[0]
    if (attribute(pressed, 'name')) fields.set(attribute(pressed, 'name'), attribute(pressed, 'value'))
    return this.#go(new URL(attribute(text, 'action') || place.url, place.url), { method: 'POST', body: fields })
  }
}

/** The form around a button. */
function form(html, button) {
  const found = html.split('<form').slice(1).map(text => text.split('</form>')[0]).find(text => text.includes(`id="${button}"`))
  assert(found, `no button ${button}`)
  return found
}

function hidden(text) {
  const tags = text.match(/<input[^>]*type="hidden"[^>]*>/g) ?? []
  return Object.fromEntries(tags.map(tag => [attribute(tag, 'name'), attribute(tag, 'value')]))
}

function attribute(text, name) {
  const found = text.match(new RegExp(`\\s${name}="([^"]*)"`))
  const known = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return found?.[1].replace(/&(#?\w+);/g, (_, word) =>
    known[word] ?? String.fromCodePoint(word[1] === 'x' ? parseInt(word.slice(2), 16) : Number(word.slice(1))))
}
