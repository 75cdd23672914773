// The frame of every walk: steps with names, an end that is told, and the browser they are taken in.

import puppeteer from 'puppeteer-core'

// As root there is no sandbox to be had; every site visited is on loopback, and nothing else can be found.
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server', '--lang=en',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]']

let current = 'starting'

/** Does `what`, and says so in a line. Gives what it gives. */
export async function step(name, what) {
  current = name
  const result = await what()
  console.log(`ok  ${name}`)
  return result
}

/** Goes through `main`: the first step that fails ends the run with exit code 1. Either way `end` closes what is open. */
export async function walk(main, end) {
  let failed = false
  try {
    await main()
  } catch (error) {
    console.log(`FAILED  ${current}`)
    console.log(error.stack ?? error)
    if (error.cause) console.log('cause:', error.cause)
    failed = true
  } finally {
    await end?.()
  }
  // Whatever still waits for an answer is left alone.
  if (failed) process.exit(1)
}

/** A headless browser of its own, with `more` arguments; FIRMAN_TEST_CHROMIUM names the program. */
export function chromium(...more) {
  return puppeteer.launch({ executablePath: process.env.FIRMAN_TEST_CHROMIUM, headless: true, args: [...ARGUMENTS, ...more] })
}
