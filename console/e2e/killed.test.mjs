// Programs die while somebody looks: the page says so, greys what is old, and goes on without a gap or a double.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { agent, call, until } from './kit.mjs'
import { scene } from './scene.mjs'

const here = scene({
  split: true,
  prepare: async (lab) => {
    await agent(lab, 'qa', 'for i in $(seq 1 150); do echo "line $i"; sleep 0.1; done')
  },
})
const { lab, person } = here

/** The lab's children that are this program. */
function children(program) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const parent = Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1).split(' ')[1])
        const line = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
        return parent === here.pid && line.includes(program) ? [Number(name)] : []
      } catch {
        return []
      }
    })
}

test('gateway and tools are killed in the middle of a run', { skip: process.env.LAB_DIR && 'needs a lab of its own' }, async () => {
  const mia = await person('mia')
  // What a browser says of every answer that does not come; nothing else is forgiven.
  mia.expects = (text) => /Failed to load resource|ERR_/.test(text)
  const run = await call(lab, 'run_start', { repository_id: lab.repository_id, stage: 'qa', instruction: 'count' })
  await mia.goto(`/p/demo/runs/${run.run_id}/log`)
  await mia.page.getByText('line 5', { exact: true }).waitFor({ timeout: 60_000 })
  for (const program of ['mcp-server', 'gateway']) {
    const there = children(program)
    assert.equal(there.length, 1, program)
    process.kill(there[0], 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
  }
  await mia.page.getByText('line 150', { exact: true }).waitFor({ timeout: 90_000 })
  await until('it succeeds', async () => (await mia.page.locator('header .status').first().textContent()).includes('Succeeded'), 60_000)
  const [download] = await Promise.all([
    mia.page.waitForEvent('download'),
    mia.page.getByRole('button', { name: 'Download the log' }).click(),
  ])
  let text = ''
  for await (const chunk of await download.createReadStream()) text += chunk
  assert.deepEqual(text.trim().split('\n'), Array.from({ length: 150 }, (_, at) => `line ${at + 1}`))
  await mia.page.getByRole('link', { name: 'Events', exact: true }).click()
  const told = (await call(lab, 'run_event_list', { run_id: run.run_id })).events.map((event) => String(event.seq))
  await until('all events are there', async () => (await mia.page.locator('.event .seq').count()) === told.length)
  assert.deepEqual(await mia.page.locator('.event .seq').allTextContents(), told)
  assert.equal(await mia.page.getByText('The platform does not answer').count(), 0)
  assert.deepEqual(await mia.wrong(), [])
})
