// What the stories of one file stand on.
import { after, afterEach, before } from 'node:test'
import { Person, startBrowser, startLab } from './kit.mjs'

/**
 * A lab and a browser from before a file's first story until after its last; whoever came in is gone after each. What is
 * given here is filled in before the stories begin, and `prepare` is done with it there.
 */
export function scene({ split = false, prepare } = {}) {
  const lab = {}
  const here = { lab }
  const people = []
  let stop
  before(async () => {
    const started = await startLab({ split })
    stop = started.stop
    here.pid = started.pid
    Object.assign(lab, started.endpoints)
    here.browser = await startBrowser()
    await prepare?.(lab)
  })
  afterEach(async () => {
    for (const one of people.splice(0)) await one.close()
  })
  after(async () => {
    await here.browser?.close()
    await stop?.()
  })
  here.person = async (...ask) => {
    const one = await Person.open(here.browser, lab, ...ask)
    people.push(one)
    return one
  }
  return here
}
