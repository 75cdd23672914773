// An operator at the console, in a real browser: signs in at the issuer, makes a client, finds an account, disables it, revokes a
// grant, and sees all of it in the trail. Each page is looked at in light and dark, on a desk and on a phone, and examined by axe.
//
//   firman serve --demo … --json | head -n 1 | node console.mjs SCREENSHOT_FOLDER
//
// Standard input is the ready line, with `victim` (the user name of an account that may be disabled) and `grant` (the id of a grant
// that may be revoked). One line per step goes to standard output; the first step that fails ends the run with exit code 1.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { mustBeAccessible } from './axe.mjs'
import { Person } from './person.mjs'
import { step, walk } from './steps.mjs'

const ready = JSON.parse(await text(process.stdin))
const screenshots = process.argv[2]
assert(screenshots, 'usage: node console.mjs SCREENSHOT_FOLDER < READY_LINE')

async function operate(operator) {
  const { page } = operator
  await step('the operator signs in at the issuer and comes back', async () => {
    await page.goto(ready.console)
    await page.waitForSelector('#login-form')
    assert.equal(new URL(page.url()).origin, ready.issuer)
    await page.type('#username', ready.username)
    await page.type('#password', ready.password)
    await page.click('#login-submit')
    await operator.at('Figures')
    assert.equal(page.url(), ready.console)
    await page.waitForSelector('.plot path')
    await operator.go('Clients')
    await operator.look('clients')
  })
  await step('nothing of the sign-in is kept where another script could find it', async () => {
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie)
    assert.equal(kept, '{}')
  })
  await step('a client is made, and its secret shown once', async () => {
    await page.click('#clients ~ details summary')
    const form = '#client-new'
    await operator.fill(`${form} [name=client_id]`, 'made-here')
    await operator.fill(`${form} [name=client_name]`, '<b>Made</b> here')
    await operator.fill(`${form} [name=redirect_uris]`, 'https://made.example/callback')
    await page.click('#client-new-submit')
    await page.waitForSelector('#once-value')
    assert.match(await page.$eval('#once-value', input => input.value), /^fm_cs_/)
    await page.click('#once-done')
    await operator.at('<b>Made</b> here')
    await operator.look('client')
  })
  await step('what is wrong is said where it is', async () => {
    await operator.fill('#client-edit [name=redirect_uris]', 'javascript:alert(1)')
    await page.click('#client-edit-submit')
    await page.waitForFunction(() => document.querySelector('#client-edit .problem').textContent.includes('redirect'))
  })
  await step('whoever cannot get in gets a link for a new password, and may try again', async () => {
    await operator.go('Accounts')
    await page.type('#accounts-prefix', ready.victim)
    await page.keyboard.press('Enter')
    await operator.one('accounts', ready.victim)
    await operator.click('#accounts tbody a')
    await operator.at(ready.victim)
    assert.match(await page.$eval('.facts', facts => facts.textContent), /Failed attempts1/)
    await operator.click('#account-unlock')
    await operator.told('They may try again.')
    assert.doesNotMatch(await page.$eval('.facts', facts => facts.textContent), /Failed attempts/)
    await operator.click('#account-reset-link')
    const link = await page.waitForSelector('#once-value').then(field => field.evaluate(input => input.value))
    await operator.examine('reset link')
    await operator.click('#once-done')
    const answer = await fetch(link)
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /id="reset-form"/)
  })
  await step('an account is found and disabled, by the keyboard', async () => {
    await operator.go('Accounts')
    await operator.look('accounts')
    await page.focus('#accounts-prefix')
    await page.keyboard.type(ready.victim)
    await page.keyboard.press('Enter')
    await operator.one('accounts', ready.victim)
    await page.focus('#accounts tbody a')
    await page.keyboard.press('Enter')
    await operator.at(ready.victim)
    await operator.look('account')
    await page.focus('#account-edit [name=enabled]')
    await page.keyboard.press('Space')
    await page.focus('#account-edit-submit')
    await page.keyboard.press('Enter')
    await page.waitForSelector('dialog[open]')
    await operator.look('confirm')
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancel')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await operator.told('The account is saved.')
    assert.match(await page.$eval('.facts', facts => facts.textContent), /Enabledno/)
  })
  await step('a grant is revoked', async () => {
    await operator.go('Grants')
    await operator.look('grants')
    await page.goto(`${ready.console}#/grants/${ready.grant}`)
    await operator.at('Grant')
    await page.click('#grant-revoke')
    await page.waitForSelector('dialog[open]')
    await page.click('#sure-yes')
    await operator.told('The grant is revoked.')
    assert.match(await page.$eval('.facts', facts => facts.textContent), /Liveno/)
    await operator.look('grant')
  })
  await step('the trail says what was done, and by whom', async () => {
    await operator.click('.facts a[href*="events"]')
    await operator.at('Events')
    const rows = await page.$$eval('#events tbody tr', rows => rows.map(row => row.textContent))
    assert(rows.some(row => row.includes('grant_revoked') && row.includes('reason: operator')), rows.join('\n'))
    const me = await page.$eval('#who span', who => who.textContent)
    assert.equal(me, ready.username)
    await operator.look('events')
  })
  await step('the identity providers are there as the settings say, with what to register', async () => {
    await operator.go('Upstreams')
    const rows = await page.$$eval('.scroll tbody tr', rows => rows.map(row => [...row.cells].map(cell => cell.textContent)))
    const [back, out] = [`${ready.issuer}/login/upstream/callback/uni`, `${ready.issuer}/logout/upstream`]
    assert.deepEqual(rows, [
      ['uni', 'https://idp.uni.example', 'uni.example', 'staff students', 'payments: staff', 'after 600 s'],
      ['lab', 'https://lab.example/realms/main', '', 'all', '', 'never'],
      ['uni', 'firman', back, out],
      ['lab', 'firman', back.replace(/uni$/, 'lab'), 'none'],
    ])
    await operator.look('upstreams')
  })
  for (const area of ['Resources', 'Keys', 'Trust', 'Sessions', 'Flows', 'Deliveries']) {
    await step(`the area ${area} is there`, async () => {
      await operator.go(area)
      await operator.look(area.toLowerCase())
    })
  }
  await step('flows are shown by the day', async () => {
    await operator.go('Flows')
    const of = async (day, shown) => {
      await page.$eval('#flows-day', (input, day) => { input.value = day }, day)
      await operator.click('#flows-search')
      await page.waitForSelector(`#flows ${shown}`)
    }
    await of('1999-12-31', '.none')
    await of(new Date().toISOString().slice(0, 10), 'tbody tr')
    await of('1999-12-31', '.none')
    await of('', 'tbody tr')
  })
  await step('the figures are live', async () => {
    await operator.go('Figures')
    await page.waitForFunction(() => !document.querySelector('.facts').textContent.includes('being counted'))
    // A line needs two windows that are over.
    await page.waitForSelector('.plot path[d^="M"]')
    await operator.look('figures')
  })
  await step('signed out, nothing is shown any more', async () => {
    await page.click('#sign-out')
    await operator.at('Signed out')
    await operator.look('signed-out')
    assert.equal(await page.$('#areas a'), null)
  })
  assert.deepEqual(operator.complaints, [])
}

/** Somebody guesses the password of the account that cannot get in. */
async function guess({ page }) {
  await page.goto(`${ready.issuer}/account`)
  await page.type('#username', ready.victim)
  await page.type('#password', 'a guess')
  await Promise.all([page.waitForNavigation(), page.click('#login-submit')])
  await page.waitForSelector('#login-problem')
}

class Operator {
  complaints = []

  constructor(visit) {
    this.page = visit.page
    this.photograph = visit.photograph
    this.page.on('pageerror', error => this.complaints.push(String(error)))
    this.page.on('console', message => {
      // What is refused on purpose is a failed request to the browser.
      if (message.type() === 'error' && !message.text().includes('Failed to load resource')) this.complaints.push(message.text())
    })
  }

  /** Waits for the page of this heading. */
  at(heading) {
    return this.page.waitForFunction(heading => document.querySelector('h1')?.textContent === heading, {}, heading)
  }

  told(words) {
    return this.page.waitForFunction(words => document.getElementById('status').textContent === words, {}, words)
  }

  /** Waits until a list has this one row. */
  one(list, name) {
    return this.page.waitForFunction((list, name) => {
      const rows = document.querySelectorAll(`#${list} tbody tr`)
      return rows.length === 1 && rows[0].textContent.includes(name)
    }, {}, list, name)
  }

  click(selector) {
    return this.page.click(selector)
  }

  async go(area) {
    const link = await this.page.waitForSelector(`xpath///nav//a[text()="${area}"]`)
    await link.click()
    await this.at(area)
  }

  async fill(selector, words) {
    await this.page.$eval(selector, field => { field.value = '' })
    await this.page.type(selector, words)
  }

  /** Photographs the page, and has axe find nothing serious on it. */
  async look(name) {
    await this.photograph(`console-${name}`)
    await this.examine(name)
  }

  /** Has axe find nothing serious on the page, in light and dark. */
  async examine(name) {
    for (const scheme of ['dark', 'light']) {
      await this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      await mustBeAccessible(this.page, `${name} in ${scheme}`)
    }
    await this.page.setViewport({ width: 1280, height: 844, deviceScaleFactor: 1 })
  }
}

await walk(async () => {
  const person = await Person.open(screenshots)
  try {
    await person.session({ javaScript: false }, guess)
    await person.session({ javaScript: true }, visit => operate(new Operator(visit)))
  } finally {
    await person.close()
  }
})
