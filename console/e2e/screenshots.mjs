// Writes docs/console/*.png: every screen in light and dark, with something going on.
import { mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { Person, agent, call, indexed, issue, label, push, startBrowser, startLab, until } from './kit.mjs'
import { routes } from './routes.mjs'

const folder = new URL('../../docs/console/', import.meta.url).pathname
const SIZE = { width: 1180, height: 700 }
/** Who reads the README downloads some of them. */
const MOST_BYTES = 200_000
const WORK = `echo "\\033[1mcollecting tests\\033[0m"; for i in $(seq 1 24); do printf "\\033[32mPASS\\033[0m tests/test_%02d.py::test_greeting \\033[2m(0.%02ds)\\033[0m\\n" $i $i; sleep 0.05; done
printf "\\033[33mWARN\\033[0m 1 test is slow\\n\\033[31mFAIL\\033[0m tests/test_25.py::test_farewell\\n"; sleep `

const { endpoints: lab, stop } = await startLab()
const browser = await startBrowser()
try {
  const titles = ['Retry webhooks that time out', 'Greet people in their own language', 'A dark theme for the printed invoice', 'Search forgets its filters']
  const numbers = []
  for (const title of titles) numbers.push(await issue(lab, 'mia', title))
  await agent(lab, 'qa', `${WORK} 1`)
  await agent(lab, 'doc-audit', `${WORK} 90`)
  await agent(lab, 'intake', 'echo "cannot reach the package index"; exit 3')
  const start = (stage, number) => call(lab, 'run_start', { repository_id: lab.repository_id, stage, number })
  const end = ({ run_id }) => until('it ends', async () => (await call(lab, 'run_get', { run_id })).finished_at, 90_000)
  const runs = {}
  await label(lab, 1, 'run:dev', 'mia')
  await until('the label is a run', async () => (await call(lab, 'run_list', { number: 1 })).runs.length > 0)
  const dev = (await call(lab, 'run_list', { number: 1 })).runs[0]
  await end(dev)
  runs.dev = dev.run_id
  for (const number of numbers.slice(0, 2)) await end(await start('dev', number))
  const qa = await start('qa', 1)
  await end(qa)
  runs.qa = qa.run_id
  // Two slots: one works, one fails, one waits.
  const mia = await Person.open(browser, lab, 'mia', { ...SIZE, path: '/p/demo/issues' })
  await mia.page.getByRole('button', { name: `Start a run on issue ${numbers[3]}` }).click()
  await mia.page.getByRole('dialog').getByLabel('Stage').selectOption('intake')
  await mia.page.getByRole('button', { name: 'Start the run' }).click()
  await mia.page.locator('.annotation.bad').waitFor({ timeout: 60_000 })
  runs.intake = mia.page.url().split('/').at(-1)
  await mia.close()
  await start('doc-audit', numbers[0])
  await start('doc-audit', numbers[1])
  await start('doc-audit', numbers[2])
  await until('they work', async () => (await call(lab, 'run_list', { state: 'running' })).runs.length === 2, 60_000)

  // Something to find: what this repository says of itself.
  const docs = new URL('../../docs/', import.meta.url)
  const pages = (await readdir(docs)).filter((name) => name.endsWith('.md'))
  const files = Object.fromEntries(await Promise.all(pages.map(async (name) => [`docs/${name}`, await readFile(new URL(name, docs), 'utf8')])))
  await indexed(lab, await push(lab, 'mia', files, 'What it is'))
  await label(lab, 2, 'run:qa', 'sam')

  await mkdir(folder, { recursive: true })
  for (const dark of [false, true]) {
    const at = { ...SIZE, dark }
    const shown = await Person.open(browser, lab, 'mia', at)
    const scheme = dark ? 'dark' : 'light'
    for (const route of routes(lab, runs).filter((it) => it.picture !== false)) {
      await shown.goto(route.path)
      await shown.page.locator(route.ready).first().waitFor()
      await shown.page.waitForTimeout(900)
      await shown.page.screenshot({ path: `${folder}${route.name}-${scheme}.png` })
    }
    await shown.goto('/p/demo/runs')
    await shown.page.locator('a.row-link').first().waitFor()
    await shown.page.keyboard.press('Control+k')
    await shown.page.getByRole('combobox', { name: 'Find a command' }).fill('go')
    await shown.page.waitForTimeout(300)
    await shown.page.screenshot({ path: `${folder}palette-${scheme}.png` })
    await shown.page.setViewportSize({ width: 360, height: 700 })
    for (const [name, path] of [['inbox', '/p/demo/inbox'], ['run', `/p/demo/runs/${runs.intake}`]]) {
      await shown.goto(path)
      await shown.page.waitForTimeout(1_200)
      await shown.page.screenshot({ path: `${folder}${name}-narrow-${scheme}.png` })
    }
    await shown.close()
    const context = await browser.newContext({ viewport: SIZE, colorScheme: scheme })
    const page = await context.newPage()
    await page.goto(`${lab.gateway_url}/sign-in`)
    await page.getByRole('link', { name: 'Sign in with GitHub' }).waitFor()
    await page.screenshot({ path: `${folder}sign-in-${scheme}.png` })
    await context.close()
  }
  for (const name of await readdir(folder)) {
    const { size } = await stat(`${folder}${name}`)
    if (size > MOST_BYTES) throw new Error(`docs/console/${name} has ${size} bytes`)
  }
} finally {
  await browser.close()
  await stop()
}
