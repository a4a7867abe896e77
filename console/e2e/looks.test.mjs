// Every screen, light and dark, wide and narrow: nothing that WCAG 2.2 AA forbids, nothing that the page's policy refuses, no
// error in the console; and whatever people and programs write is text.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { LINES, TITLES, moreThanText } from './hostile.mjs'
import { agent, call, issue, until } from './kit.mjs'
import { overTheEdge, routes } from './routes.mjs'
import { scene } from './scene.mjs'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const runs = {}
const here = scene({
  prepare: async (lab) => {
    const written = Buffer.from(`${LINES.join('\n')}\n`).toString('base64')
    await agent(lab, 'qa', 'for part; do echo "$part" | base64 -d; done', written.match(/.{1,4000}/g))
    // Not at once: a runner keeps only so much of what it could not send yet.
    const some = 'seq -f "line %.0f of a long log, with some words in it" $((i * 1000 + 1)) $((i * 1000 + 1000))'
    await agent(lab, 'plan', `for i in $(seq 0 99); do ${some}; sleep 0.2; done`)
    await agent(lab, 'intake', 'echo "this cannot work"; exit 3')
    for (const stage of ['dev', 'qa', 'plan', 'intake']) {
      const run = await call(lab, 'run_start', { repository_id: lab.repository_id, stage, instruction: `do ${stage}`, number: { dev: 1, intake: 2 }[stage] })
      runs[stage] = run.run_id
    }
    for (const run_id of Object.values(runs)) {
      await until('it ends', async () => (await call(lab, 'run_get', { run_id })).finished_at, 120_000)
    }
  },
})
const { lab, person } = here

/** What of WCAG 2.2 AA the page as it is now does not keep. */
async function violations(page) {
  await page.evaluate(axe)
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: 'tag', values: tags } }), RULES)
  return found.violations.map(
    ({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0].target} ${nodes[0].failureSummary.split('\n')[1]}`,
  )
}

for (const [width, height] of [[1280, 860], [360, 740]]) {
  test(`every screen, light and dark, ${width} px wide`, async () => {
    const mia = await person('mia', { width, height })
    const wrong = []
    for (const route of routes(lab, runs)) {
      await mia.goto(route.path)
      await mia.page.locator(route.ready).first().waitFor()
      await mia.page.waitForLoadState('networkidle', { timeout: 1_000 }).catch(() => {})
      const faults = await overTheEdge(mia.page)
      for (const colorScheme of ['dark', 'light']) {
        await mia.page.emulateMedia({ colorScheme })
        await mia.page.locator(`html[data-theme=${colorScheme}]`).waitFor()
        faults.push(...(await violations(mia.page)).map((fault) => `${colorScheme}: ${fault}`))
      }
      wrong.push(...[...faults, ...(await mia.wrong())].map((fault) => `${route.path} ${fault}`))
      mia.faults.length = 0
    }
    for (const colorScheme of ['dark', 'light']) {
      await mia.page.emulateMedia({ colorScheme })
      if (colorScheme === 'dark') await mia.page.keyboard.press('Control+k')
      await mia.page.getByRole('combobox', { name: 'Find a command' }).waitFor()
      wrong.push(...(await violations(mia.page)).map((fault) => `palette ${colorScheme}: ${fault}`))
    }
    await mia.close()
    assert.deepEqual(wrong, [])
  })
}

test('the page before one signs in', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const context = await here.browser.newContext({ colorScheme, reducedMotion: 'reduce' })
    const page = await context.newPage()
    await page.goto(`${lab.gateway_url}/sign-in`)
    await page.getByRole('link', { name: 'Sign in with GitHub' }).waitFor()
    assert.deepEqual(await violations(page), [])
    await context.close()
  }
})

test(`${TITLES.length} titles and ${LINES.length} lines that want to be more than text`, async () => {
  assert.ok(TITLES.length >= 100)
  const numbers = []
  for (const title of TITLES) numbers.push(await issue(lab, 'mia', title.trim() || 'empty'))
  const mia = await person('mia', { path: '/p/demo/issues' })
  const { page } = mia
  const dialogs = []
  page.on('dialog', (dialog) => (dialogs.push(dialog.message()), dialog.dismiss()))
  await page.locator('a.row-link').first().waitFor()
  const bounds = async () => assert.deepEqual(await moreThanText(page), [])
  // Down the whole list: all of them are painted once.
  const seen = new Set()
  for (let round = 0; round < 200 && !numbers.every((number) => seen.has(number)); round++) {
    for (const text of await page.locator('.issue .num').allTextContents()) seen.add(Number(text.slice(1)))
    await bounds()
    await page.mouse.wheel(0, 500)
    await page.waitForTimeout(60)
  }
  assert.deepEqual(numbers.filter((number) => !seen.has(number)), [])
  // Some as the title of a page, where it is in the tab's name too.
  for (const at of [0, 2, 10, 20, 24, 41, 45, 52, 56]) {
    await mia.goto(`/p/demo/issues/${lab.repository_id}/${numbers[at]}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await until('its title is there', async () => !/^Issue \d+$/.test(await page.getByRole('heading', { level: 1 }).textContent()))
    await bounds()
  }
  await mia.goto(`/p/demo/runs/${runs.qa}/log`)
  const box = page.locator('.box')
  await page.locator('.log-line').first().waitFor()
  await until('its end is there', async () => {
    await box.evaluate((element) => (element.scrollTop = element.scrollHeight))
    return (await page.getByText('after what was left open').count()) > 0
  })
  for (let top = 0; top < 12; top++) {
    await box.evaluate((element, at) => (element.scrollTop = (element.scrollHeight * at) / 12), top)
    await page.waitForTimeout(80)
    await bounds()
  }
  // All of them in one body of an issue, as GitHub told it.
  const number = await issue(lab, 'mia', 'Many traps', TITLES.map((text, at) => `trap ${at}: ${text}`).join('\n'))
  const told = await until('it was told', async () => {
    const { deliveries } = await call(lab, 'delivery_list', { project_id: lab.project_id })
    return deliveries.find((it) => it.number === number)
  })
  await mia.goto(`/p/demo/deliveries/${told.delivery_id}`)
  await page.getByRole('button', { name: 'Show it' }).click()
  const payload = page.locator('pre', { hasText: 'trap 0' }).first()
  await payload.waitFor()
  assert.equal(new Set((await payload.textContent()).match(/trap \d+: /g)).size, TITLES.length)
  await bounds()
  assert.deepEqual(dialogs, [])
  assert.deepEqual(await mia.wrong(), [])
})

test('a log of 100,000 lines opens without a stall', async () => {
  const mia = await person('mia')
  const { page } = mia
  await mia.context.addInitScript(() => {
    window.stalls = []
    new PerformanceObserver((list) => window.stalls.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: 'longtask', buffered: true })
  })
  let [written, after] = [0, 0]
  for (let complete = false; !complete; ) {
    const piece = await call(lab, 'run_log_tail', { run_id: runs.plan, after })
    written += piece.text.split('\n').length - 1
    ;[after, complete] = [piece.next_after, piece.complete]
  }
  assert.equal(written, 100_000, 'the runner kept up')
  const began = Date.now()
  await mia.goto(`/p/demo/runs/${runs.plan}/log`)
  await page.locator('.log-line').first().waitFor()
  const first = Date.now() - began
  await page.locator('.log-line', { hasText: 'line 100000 of' }).waitFor({ timeout: 60_000 })
  const whole = Date.now() - began
  await page.getByRole('textbox', { name: 'Find in the log' }).fill('line 54321 of')
  await page.locator('.log-line.hit', { hasText: 'line 54321 of' }).waitFor()
  const longest = Math.max(0, ...(await page.evaluate(() => window.stalls)))
  console.log(`100,000 lines: first after ${first} ms, all after ${whole} ms, longest task ${longest} ms`)
  assert.ok((await page.locator('.log-line').count()) < 300, 'only what is seen is painted')
  assert.ok(longest < 500, `a task took ${longest} ms`)
  await mia.goto(`/p/demo/runs/${runs.plan}/log#L77777`)
  await page.locator('.log-line.target', { hasText: 'line 77777 of' }).waitFor({ timeout: 60_000 })
  assert.deepEqual(await mia.wrong(), [])
})
