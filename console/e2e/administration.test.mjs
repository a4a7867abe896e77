// What those do who run the platform and set up its agents: slots, people, models, rules, profiles; and that each act does what
// its dialog says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, label, sql, told, until } from './kit.mjs'
import { scene } from './scene.mjs'

const { lab, person } = scene({
  prepare: async (lab) => {
    // Somebody runs the platform.
    await call(lab, 'user_invite', { login: 'ada', platform_role: 'owner' }, 'platform_owner')
  },
})

const slotsOf = async () => (await call(lab, 'slot_list', { limit: 100 })).slots.filter((it) => it.project_id === lab.project_id)

test('a held slot is held longer, then given back, and free again on proof', async () => {
  const { run_id } = await call(lab, 'run_start', { repository_id: lab.repository_id, stage: 'dev', number: 1 })
  await until('it ends', async () => (await call(lab, 'run_get', { run_id })).finished_at, 90_000)
  await until('its slot is free', async () => (await slotsOf()).every((it) => it.state === 'free'), 60_000)
  // As when its agent had asked a person; no agent can ask yet.
  await sql(lab, `UPDATE slots SET state = 'held', run_id = r.run_id, turn = r.turn, fence = r.fence, held_until = now() + interval '5 minutes', changed_at = now()
    FROM runs r WHERE r.run_id = '${run_id}' AND slots.project_id = r.project_id AND slots.number = 1`)
  const mia = await person('mia', { path: '/p/demo/slots?slot=1' })
  await mia.page.locator('.slot .status', { hasText: 'Held' }).waitFor()
  const ada = await person('ada', { path: '/p/demo/slots?slot=1' })
  const { page } = ada
  const held = async () => Date.parse((await slotsOf()).find((it) => it.number === 1).held_until)
  const before = await held()
  await page.getByRole('button', { name: 'Hold longer' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('From now, for').selectOption('240')
  await dialog.getByRole('button', { name: 'Hold it' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.ok((await held()) - before > 3 * 3_600_000)
  await page.getByRole('button', { name: 'Give back' }).click()
  await dialog.getByRole('button', { name: 'Give it back' }).click()
  await dialog.waitFor({ state: 'detached' })
  await until('it is free on proof', async () => (await slotsOf()).every((it) => it.state === 'free'), 60_000)
  await page.locator('.slot', { hasText: 'Slot 1' }).locator('.status', { hasText: 'Free' }).waitFor()
  assert.match(await told(page, page.getByRole('button', { name: 'Give back' })), /Only a held slot can be/)
  assert.deepEqual([...(await mia.wrong()), ...(await ada.wrong())], [])
})

test('how many slots there are is set by who runs the platform', async () => {
  const ada = await person('ada', { path: '/p/demo/slots' })
  const { page } = ada
  const now = (await slotsOf()).length
  await page.getByRole('button', { name: 'Set how many' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('spinbutton').fill(String(now + 1))
  await dialog.locator('button.primary').click()
  await dialog.waitFor({ state: 'detached' })
  await until('there is one more', async () => (await slotsOf()).length === now + 1)
  await page.getByText(`Slot ${now + 1}`).first().waitFor()
  assert.deepEqual(await ada.wrong(), [])
})

test('somebody is invited, disabled, and let in again', async () => {
  const ada = await person('ada', { path: '/p/demo/access/people' })
  const { page } = ada
  await page.getByRole('button', { name: 'Invite' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Login at GitHub').fill('sam')
  await dialog.getByLabel('Role on the whole platform').selectOption('auditor')
  await dialog.locator('button.primary').click()
  await dialog.waitFor({ state: 'detached' })
  const row = (login) => page.getByRole('row').filter({ hasText: login })
  await row('sam').getByText('Auditor').waitFor()
  // Who is disabled is out at once.
  const ben = await person('ben', { path: '/p/demo/issues' })
  await ben.page.locator('a.row-link').first().waitFor()
  ben.expects = (text) => text.includes('401')
  await page.getByRole('button', { name: 'Disable ben' }).click()
  await dialog.getByRole('button', { name: 'Disable', exact: true }).click()
  await row('ben').getByText('Disabled').waitFor()
  await until('ben is out', async () => {
    await ben.goto('/p/demo/runs')
    return ben.page.getByRole('link', { name: 'Sign in with GitHub' }).waitFor({ timeout: 2_000 }).then(() => true, () => false)
  })
  await page.getByRole('button', { name: 'Enable ben' }).click()
  await dialog.getByRole('button', { name: 'Enable', exact: true }).click()
  await row('ben').getByText('Disabled').waitFor({ state: 'detached' })
  const again = await person('ben', { path: '/p/demo/issues' })
  await again.page.locator('a.row-link').first().waitFor()
  assert.deepEqual([...(await ada.wrong()), ...(await ben.wrong())], [])
})

test('a model gets its prices, and another writer is not overwritten', async () => {
  const ada = await person('ada', { path: '/p/demo/agents/models' })
  const { page } = ada
  const add = page.getByRole('button', { name: 'Add a model' })
  const dialog = page.getByRole('dialog')
  const write = async (fields) => {
    for (const [name, value] of Object.entries(fields)) await dialog.getByLabel(name, { exact: true }).fill(value)
    await dialog.locator('button.primary').click()
  }
  await add.click()
  await write({ 'As its provider calls it': 'tiny-1', 'Address of the provider’s API': 'https://models.example.com/v1', '$ in': '1.25', '$ in, cached': '0.125', '$ out': '10' })
  await dialog.waitFor({ state: 'detached' })
  const find = async () => (await call(lab, 'model_list', {}, 'platform_owner')).models.find((it) => it.model === 'tiny-1')
  const made = await find()
  assert.deepEqual([made.input_micro_usd, made.cached_input_micro_usd, made.output_micro_usd], [1_250_000, 125_000, 10_000_000])
  const change = page.getByRole('button', { name: 'Change tiny-1' })
  await change.click()
  // Meanwhile somebody else writes.
  await call(lab, 'model_set', { model: 'tiny-1', api: 'responses', base_url: 'https://models.example.com/v1', input_micro_usd: 2_000_000, version: made.version }, 'platform_owner')
  await write({ '$ out': '11' })
  await dialog.getByRole('heading', { name: 'It was not done' }).waitFor()
  assert.equal((await find()).input_micro_usd, 2_000_000)
  await page.keyboard.press('Escape')
  await page.getByRole('row').filter({ hasText: 'tiny-1' }).getByText('$2.00').waitFor()
  const mia = await person('mia', { path: '/p/demo/agents/models' })
  assert.match(await told(mia.page, mia.page.getByRole('button', { name: 'Add a model' })), /Needs the role/)
  assert.deepEqual([...(await ada.wrong()), ...(await mia.wrong())], [])
})

test('a rule is tried, turned off, and tried again; a new one decides', async () => {
  const ada = await person('ada', { path: '/p/demo/agents/rules' })
  const { page } = ada
  const tried = async (value) => {
    await page.getByLabel('Label', { exact: true }).fill(value)
    await page.getByRole('button', { name: 'What would happen?' }).click()
  }
  const verdict = page.locator('form [role=status] .tag')
  await tried('run:dev')
  await verdict.filter({ hasText: 'Start' }).waitFor()
  const decided = page.getByRole('row').filter({ has: page.locator('.tag.hit') })
  const off = decided.getByRole('button', { name: /^Off/ })
  const rule = /\d+/.exec(await off.textContent())[0]
  const on = page.getByRole('button', { name: `On rule ${rule}`, exact: true })
  await off.click()
  await on.waitFor()
  await tried('run:dev')
  await verdict.filter({ hasText: 'Start' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Add a rule' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('The label is', { exact: true }).fill('agent:please')
  await dialog.getByLabel(/^Then/).selectOption('start_run')
  await dialog.locator('button.primary').click()
  await dialog.waitFor({ state: 'detached' })
  await tried('agent:please')
  await page.getByRole('row').filter({ hasText: 'agent:please' }).getByText('decided').waitFor()
  await on.click()
  await on.waitFor({ state: 'detached' })
  await tried('run:dev')
  await verdict.filter({ hasText: 'Start' }).waitFor()
  assert.deepEqual(await ada.wrong(), [])
})

test('a profile is drafted field by field, compared, published, and works', async () => {
  const ada = await person('ada', { path: '/p/demo/agents/profiles/qa' })
  const { page } = ada
  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  const form = page.getByRole('form', { name: 'Edit the profile' })
  await form.getByLabel(/^Program/).selectOption('command')
  await form.getByLabel('Must make').selectOption('none')
  await form.getByLabel('Active minutes at most').fill('7')
  await form.getByLabel('Memory').fill('1Gi')
  while (await form.getByRole('button', { name: /^Remove/ }).count()) await form.getByRole('button', { name: /^Remove/ }).first().click()
  for (const [at, part] of ['sh', '-c', 'echo "$GREETING from a profile"'].entries()) {
    await form.getByRole('button', { name: at === 0 ? 'Name the program' : 'Add an argument' }).click()
    await form.getByRole('textbox', { name: at === 0 ? 'Program' : `Argument ${at}`, exact: true }).fill(part)
  }
  await form.getByLabel('Settings of the program').fill('GREETING=hello')
  // What the platform never lets it change stays so: the answer says why, and nothing typed is lost.
  const never = form.getByLabel('Never changes')
  const always = await never.inputValue()
  await never.fill('secret/**')
  await form.getByRole('button', { name: 'Keep as a draft' }).click()
  await form.getByText('which the platform’s profile').or(form.getByText("which the platform's profile")).waitFor()
  await never.fill(`${always}\nsecret/**`)
  await form.getByRole('button', { name: 'Keep as a draft' }).click()
  await page.locator('header .status', { hasText: 'Draft' }).waitFor()
  await page.getByRole('button', { name: 'Publish', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('GREETING').first().waitFor()
  await dialog.getByRole('button', { name: 'Publish' }).click()
  await page.locator('header .status', { hasText: 'Published' }).waitFor()
  const profile = await call(lab, 'agent_get', { project_id: lab.project_id, stage: 'qa' })
  assert.deepEqual(profile.command, ['sh', '-c', 'echo "$GREETING from a profile"'])
  await label(lab, 2, 'run:qa', 'mia')
  const run = await until('the label is a run', async () => (await call(lab, 'run_list', { number: 2 })).runs[0])
  await until('it ends', async () => (await call(lab, 'run_get', { run_id: run.run_id })).finished_at, 60_000)
  await ada.goto(`/p/demo/runs/${run.run_id}/log`)
  await page.getByText('hello from a profile', { exact: true }).waitFor()
  assert.deepEqual(await ada.wrong(), [])
})
