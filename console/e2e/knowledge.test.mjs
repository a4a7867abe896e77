// What people look for in repositories: found by words, shown to the line, by filters and by keyboard; a repository that wants
// to be more than text; what is read, and who may say so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TITLES, moreThanText } from './hostile.mjs'
import { call, indexed, push, told, until } from './kit.mjs'
import { scene } from './scene.mjs'

/** Traps of one file; search answers at most so many hits. */
const EACH = 20
const TRAPS = TITLES.map((text, at) => `## Trap ${at}\n\nThe lure number ${at} is ${text}\n`)
const FILES = Math.ceil(TRAPS.length / EACH)
const SLOTS = `# Slots

A run works in a slot.

## When a slot is freed

A quokka-lease ends when its pod is proven gone: the reaper asks twice, and an error is no proof.

## How many there are

An operator sets it.
`

let commit
const { lab, person } = scene({
  prepare: async (lab) => {
    const traps = Array.from({ length: FILES }, (_, at) => [`traps/${at}.md`, TRAPS.slice(at * EACH, (at + 1) * EACH).join('\n')])
    commit = await push(lab, 'mia', {
      ...Object.fromEntries(traps),
      'docs/slots.md': SLOTS,
      'src/reaper.py': '# The quokka-lease of a slot.\ndef free(slot):\n    return slot\n',
    })
    await indexed(lab, commit)
  },
})

test('a question finds the lines, and its address shows them to others', async () => {
  const mia = await person('mia', { path: '/p/demo/knowledge' })
  const { page } = mia
  await page.getByRole('heading', { name: 'Ask what an agent would ask' }).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('quokka-lease slot freed')
  await page.keyboard.press('Enter')
  const hits = page.getByRole('list', { name: 'Hits' }).getByRole('listitem')
  await hits.filter({ hasText: 'docs/slots.md' }).first().waitFor()
  assert.ok((await page.locator('mark', { hasText: 'quokka' }).count()) > 0)
  assert.match(await page.locator('main').textContent(), new RegExp(commit.slice(0, 7)))
  const doc = hits.filter({ hasText: 'docs/slots.md' }).filter({ hasText: 'quokka' }).first()
  await doc.getByRole('button', { name: 'Why here' }).click()
  await doc.getByText('By words').waitFor()
  // By keyboard to a hit, and into its document.
  await page.locator('body').click({ position: { x: 2, y: 2 } })
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.locator('.preview .doc-line.in').first().waitFor()
  if ((await doc.locator('button.open').getAttribute('aria-expanded')) === 'false') await doc.locator('button.open').click()
  await page.getByRole('region', { name: 'Lines of docs/slots.md' }).getByText('the reaper asks twice').waitFor()
  assert.equal(await page.locator('.doc-line.in', { hasText: 'the reaper asks twice' }).count(), 1)
  // What another person gets who follows the address.
  const { pathname, search } = new URL(page.url())
  const vera = await person('vera', { path: pathname + search })
  await vera.page.locator('.doc-line.in', { hasText: 'the reaper asks twice' }).waitFor()
  assert.deepEqual([...(await mia.wrong()), ...(await vera.wrong())], [])
})

test('filters narrow, nothing teaches, and what is not understood is said', async () => {
  const mia = await person('mia', { path: '/p/demo/knowledge?q=quokka-lease' })
  const { page } = mia
  const found = () => page.locator('.hit .path').allTextContents()
  await until('docs and code', async () => (await found()).includes('src/reaper.py') && (await found()).includes('docs/slots.md'))
  await page.getByLabel('Kind').selectOption('code')
  await until('code alone', async () => (await found()).every((it) => it.endsWith('.py')) && (await found()).length > 0)
  await page.getByLabel('Kind').selectOption('')
  await page.getByLabel('Paths').fill('docs/**')
  await page.getByLabel('Paths').press('Enter')
  await until('docs alone', async () => (await found()).every((it) => it.startsWith('docs/')) && (await found()).length > 0)
  await page.getByRole('button', { name: 'Words', exact: true }).click()
  await page.waitForURL(/mode=text/)
  await page.getByLabel('Paths').fill('nowhere/**')
  await page.getByLabel('Paths').press('Enter')
  await page.getByRole('heading', { name: 'Nothing fits' }).waitFor()
  await page.getByRole('link', { name: 'Without filters' }).click()
  await until('all again', async () => (await found()).length > 1)
  await mia.goto('/p/demo/knowledge?q=quokka&paths=[')
  await page.getByRole('alert').getByText('is no glob of a path').waitFor()
  assert.deepEqual(await mia.wrong(), [])
})

test(`${TITLES.length} texts of a repository that want to be more than text`, async () => {
  assert.ok(TITLES.length >= 100)
  const mia = await person('mia')
  const { page } = mia
  const dialogs = []
  page.on('dialog', (dialog) => (dialogs.push(dialog.message()), dialog.dismiss()))
  const seen = new Set()
  for (let file = 0; file < FILES; file++) {
    await mia.goto(`/p/demo/knowledge?q=lure+number&mode=text&paths=traps/${file}.md`)
    const first = page.locator('.hit button.open').first()
    await first.waitFor()
    for (const text of await page.locator('.hit').allTextContents()) for (const [, at] of text.matchAll(/lure number (\d+) is/g)) seen.add(`hit ${at}`)
    assert.deepEqual(await moreThanText(page), [], `hits of file ${file}`)
    await first.click()
    const preview = page.locator('.preview .box')
    await preview.waitFor()
    for (const more of ['Lines before', 'Lines after']) {
      const button = preview.getByRole('button', { name: more })
      if (await button.count()) await button.click()
      await button.waitFor({ state: 'detached' })
    }
    for (const [, at] of (await preview.textContent()).matchAll(/lure number (\d+) is/g)) seen.add(`line ${at}`)
    assert.deepEqual(await moreThanText(page), [], `lines of file ${file}`)
  }
  const kinds = (kind) => [...seen].filter((it) => it.startsWith(kind)).length
  assert.equal(kinds('line'), TITLES.length)
  console.log(`hostile texts: ${kinds('hit')} in hits, ${kinds('line')} in lines`)
  assert.ok(kinds('hit') >= 100)
  assert.deepEqual(dialogs, [])
  assert.deepEqual(await mia.wrong(), [])
})

test('what is read is changed by who may, and the index follows', async () => {
  const vera = await person('vera', { path: '/p/demo/knowledge/sources' })
  assert.match(await told(vera.page, vera.page.getByRole('button', { name: 'Change' })), /Needs the role/)
  const ada = await person('ada', { path: '/p/demo/knowledge/sources' })
  const { page } = ada
  await page.getByRole('heading', { name: lab.repository }).waitFor()
  await page.getByText(/patterns of paths are read/).click()
  await page.getByText('**/node_modules/**').waitFor()
  await page.getByRole('button', { name: 'Change' }).click()
  const left = page.getByLabel('Paths that are not')
  await left.fill(`${await left.inputValue()}\ntraps/**`)
  await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByText('traps/**').waitFor()
  await until('the traps are gone', async () => (await call(lab, 'knowledge_search', { query: 'lure number', mode: 'text' })).hits.length === 0, 60_000)
  await page.getByRole('button', { name: 'Read anew' }).click()
  await page.locator('.card .status', { hasText: 'Read' }).waitFor()
  const { sources } = await call(lab, 'knowledge_source_list', { project_id: lab.project_id })
  assert.equal(sources[0].consent_by, undefined, 'nobody was asked for consent, and nobody gave it')
  assert.deepEqual([...(await vera.wrong()), ...(await ada.wrong())], [])
})
