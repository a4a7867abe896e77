// Years of runs and long logs: what is long opens at once and scrolls smoothly. The figures are printed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, sql, until } from './kit.mjs'
import { scene } from './scene.mjs'

const RUNS = 100_000
const PAGES = 200
/** A task that takes longer is felt. */
const FELT_MS = 50

const here = scene({
  prepare: async (lab) => {
    const { run_id } = await call(lab, 'run_start', { repository_id: lab.repository_id, stage: 'dev', number: 1 })
    await until('it ends', async () => (await call(lab, 'run_get', { run_id })).finished_at, 90_000)
    // Copies of one real run, a minute apart each, the newest a minute ago: ids of version 7 grow with their time.
    await sql(lab, `INSERT INTO runs SELECT made.* FROM runs r, generate_series(1, ${RUNS}) n,
      LATERAL (SELECT now() - n * interval '1 minute') AS m(moment),
      LATERAL jsonb_populate_record(r, jsonb_build_object(
        'run_id', lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15),
        'number', 1 + n % 997, 'branch', 'codex/issue-' || (1 + n % 997),
        'source_key', NULL, 'retry_of', NULL, 'continues', NULL, 'delivery_id', NULL,
        'state', (ARRAY['succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled'])[1 + n % 5],
        'reason', CASE WHEN n % 5 = 3 THEN 'agent_error' END,
        'stage', (ARRAY['dev', 'qa', 'plan'])[1 + n % 3],
        'queued_at', moment, 'created_at', moment, 'state_since', moment, 'finished_at', moment + interval '40 seconds')) AS made
      WHERE r.run_id = '${run_id}'`)
    await sql(lab, 'ANALYZE runs')
  },
})
const { lab, person } = here

const percentile = (values, part) => values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * part))]

/** What the page's own thread did while something was done: the processor's milliseconds of each task, the longest first. */
async function tasks(page, work) {
  await here.browser.startTracing(page, { categories: ['toplevel'] })
  await work()
  const { traceEvents } = JSON.parse((await here.browser.stopTracing()).toString())
  const main = new Set(traceEvents.filter((it) => it.name === 'thread_name' && it.args.name === 'CrRendererMain').map((it) => `${it.pid} ${it.tid}`))
  const took = traceEvents.filter((it) => it.name.endsWith('RunTask') && it.tdur && main.has(`${it.pid} ${it.tid}`))
  return took.map((it) => Math.round(it.tdur / 1_000)).toSorted((one, other) => other - one)
}

test(`a list of ${RUNS.toLocaleString('en-US')} runs answers by the page, and narrowed`, async () => {
  assert.ok(Number(await sql(lab, 'SELECT count(*) FROM runs')) > RUNS)
  for (const [what, filter] of [
    ['newest first', {}],
    ['of one state', { states: ['failed', 'timed_out'] }],
    ['of one stage', { stage: 'qa' }],
    ['by a word', { text: 'issue-77' }],
  ]) {
    const took = []
    let cursor
    for (let page = 0; page < 40; page++) {
      const began = performance.now()
      const answer = await call(lab, 'run_list', { project_id: lab.project_id, limit: 50, cursor, ...filter })
      took.push(performance.now() - began)
      assert.ok(answer.runs.length > 0)
      cursor = answer.next_cursor
      if (!cursor) break
    }
    console.log(`run_list of ${RUNS} runs, ${what}: median ${Math.round(percentile(took, 0.5))} ms, p95 ${Math.round(percentile(took, 0.95))} ms (a debug build, over HTTP)`)
  }
})

test(`${PAGES} pages of runs scroll without a task that is felt`, async () => {
  const mia = await person('mia')
  const { page } = mia
  await mia.goto('/p/demo/runs')
  await page.locator('a.row-link').first().waitFor()
  await page.mouse.move(700, 500)
  // A page of the window at a time, as fast as rows come.
  let scrolled = 0
  const took = await tasks(page, async () => {
    for (let turn = 0; scrolled < PAGES && turn < PAGES * 20; turn++) {
      const before = await page.evaluate(() => window.scrollY)
      await page.mouse.wheel(0, 700)
      await page.waitForTimeout(30)
      if ((await page.evaluate(() => window.scrollY)) > before) scrolled++
    }
  })
  const rows = await page.locator('tbody tr').count()
  console.log(`${scrolled} pages of runs: longest task ${took[0]} ms, ${took.filter((it) => it > FELT_MS).length} of ${took.length} over ${FELT_MS} ms; ${rows} rows painted at the end`)
  assert.equal(scrolled, PAGES)
  assert.ok(took.filter((it) => it > FELT_MS).length <= took.length / 1_000, `tasks took ${took.slice(0, 9)} ms of the processor`)
  assert.ok(rows < 100, 'only what is seen is painted')
  assert.deepEqual(await mia.wrong(), [])
})
