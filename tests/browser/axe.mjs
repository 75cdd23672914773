// The accessibility checker axe, run inside a page.

import assert from 'node:assert/strict'
import axe from 'axe-core'

const SERIOUS = ['serious', 'critical']

/** Fails if axe finds something serious on the page, as it looks now. */
export async function mustBeAccessible(page, name) {
  // By the debugger, so that no policy of the page is in the way.
  await page.evaluate(axe.source)
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  assert(passes.length > 0, `axe looked at nothing on ${name}`)
  const serious = violations.filter(violation => SERIOUS.includes(violation.impact))
  const told = serious.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(node => node.html).join('\n  ')}`)
  assert.equal(serious.length, 0, `${name}:\n${told.join('\n')}`)
}
