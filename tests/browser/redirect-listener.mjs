// The client's end of the redirect URI: a listener on loopback, on a port of its own (RFC 8252 §7.3).

import { createServer } from 'node:http'
import { once } from 'node:events'

export class RedirectListener {
  #server
  #waiting = []
  uri

  static async start(registered) {
    const uri = new URL(registered)
    const listener = new RedirectListener()
    listener.#server = createServer((request, response) => listener.#arrive(request, response))
    listener.#server.listen(0, uri.hostname.replace(/^\[|\]$/g, ''))
    await once(listener.#server, 'listening')
    uri.port = listener.#server.address().port
    listener.uri = uri.href
    return listener
  }

  /** The URL of the next request to the redirect URI. */
  next() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nobody came to the redirect URI within 30 s')), 30_000)
      this.#waiting.push(url => {
        clearTimeout(timer)
        resolve(url)
      })
    })
  }

  async close() {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #arrive(request, response) {
    const url = new URL(request.url, this.uri)
    const expected = url.pathname === new URL(this.uri).pathname
    response.writeHead(expected ? 200 : 404, { 'content-type': 'text/plain' })
    response.end(expected ? 'The client has the answer.' : 'Not here.')
    if (expected) this.#waiting.shift()?.(url)
  }
}
