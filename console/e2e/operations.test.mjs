// What those do who look after a project: a delivery worked on again, a repository attached and made ready, a rule tried, a
// token made once, a draft published, the audit proven; and what the others are told instead.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, label, told, until } from './kit.mjs'
import { scene } from './scene.mjs'

const { lab, person } = scene()

test('a delivery says what was made of it and why, and is worked on again', async () => {
  await label(lab, 2, 'run:qa', 'sam')
  const mia = await person('mia', { path: '/p/demo/deliveries' })
  const { page } = mia
  const row = page.getByRole('row').filter({ hasText: 'Unknown sender' }).first()
  await row.waitFor()
  await row.getByRole('link').first().click()
  await page.getByRole('heading', { name: 'What was made of it' }).waitFor()
  const worked = () => page.locator('.fact', { hasText: 'Worked on' }).locator('time').getAttribute('datetime')
  const before = await worked()
  // The body is asked for: reading it is written to the audit.
  assert.equal(await page.getByText('"sender"').count(), 0)
  await page.getByRole('button', { name: 'Show it' }).click()
  await page.getByText('"sender"').first().waitFor()
  const { entries } = await call(lab, 'audit_list', { project_id: lab.project_id, operation: 'delivery_payload_read' })
  assert.equal(entries[0].actor_kind, 'person')
  await page.getByRole('button', { name: 'Replay' }).click()
  await page.getByRole('button', { name: 'Replay it' }).click()
  await until('it was worked on again', async () => (await worked()) !== before)
  await page.getByText('Unknown sender').first().waitFor()
  assert.deepEqual(await mia.wrong(), [])
})

test('a repository is attached, its report read, its labels made', async () => {
  const mia = await person('mia', { path: '/p/demo/repositories' })
  const { page } = mia
  await page.getByRole('button', { name: 'Attach a repository' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Repository at GitHub').fill('acme/nonesuch')
  await dialog.getByRole('button', { name: 'Attach acme/nonesuch' }).click()
  await dialog.getByRole('heading', { name: 'It was not attached' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: lab.repository }).click()
  await page.getByText(/Runs work here\./).waitFor()
  await page.getByRole('button', { name: 'Make the labels' }).click()
  await page.getByRole('button', { name: 'Make the labels' }).waitFor({ state: 'detached', timeout: 60_000 })
  // Detached and attached again, through the wizard to its report; by the address that people paste.
  await page.getByRole('button', { name: 'Detach', exact: true }).click()
  const leave = page.getByRole('dialog')
  assert.equal(await leave.getByRole('button', { name: 'Detach it' }).isDisabled(), true)
  await leave.getByRole('textbox').fill(lab.repository)
  await leave.getByRole('button', { name: 'Detach it' }).click()
  await page.locator('header .status', { hasText: 'Detached' }).waitFor()
  await page.getByRole('link', { name: 'Repositories' }).first().click()
  await page.getByRole('button', { name: 'Attach a repository' }).click()
  await dialog.getByLabel('Repository at GitHub').fill(`https://github.com/${lab.repository}/issues`)
  await dialog.getByRole('button', { name: `Attach ${lab.repository}` }).click()
  await dialog.getByText(/Runs work here\./).waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('row').filter({ hasText: lab.repository }).getByText('Attached').waitFor()
  assert.deepEqual(await mia.wrong(), [])
})

test('who may not is told which role is missing and who can grant it, screen by screen', async () => {
  const vera = await person('vera', { path: '/p/demo/deliveries' })
  const { page } = vera
  for (const [path, heading] of [
    ['deliveries', 'Deliveries are not for you to see'],
    ['slots', 'Slots are not for you to see'],
    ['access/members', 'Members are not for you to see'],
    ['access/tokens?of=project', 'These tokens are not for you to see'],
  ]) {
    await vera.goto(`/p/demo/${path}`)
    await page.getByRole('heading', { name: heading }).waitFor()
    await page.getByText(/Needs the role .* can grant it\./).last().waitFor()
  }
  await vera.goto('/p/demo/repositories')
  assert.match(await told(page, page.getByRole('button', { name: 'Attach a repository' })), /Needs the role maintainer or admin/)
  await vera.goto('/p/demo/audit')
  await page.getByText(/Your own acts\. Needs the role/).waitFor()
  assert.deepEqual(await vera.wrong(), [])
  const mia = await person('mia', { path: '/p/demo/slots' })
  assert.match(await told(mia.page, mia.page.getByRole('button', { name: 'Set how many' })), /Needs the role operator or owner/)
  assert.deepEqual(await mia.wrong(), [])
})

test('a token is shown once, works, and is revoked', async () => {
  const mia = await person('mia', { path: '/p/demo/access/tokens' })
  const { page } = mia
  await page.getByRole('button', { name: 'Make a token' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('What it is for').fill('a script')
  await dialog.getByRole('button', { name: 'Make it' }).click()
  const value = await dialog.getByLabel('The token').textContent()
  const mine = { ...lab, tokens: { mine: value } }
  assert.equal((await call(mine, 'principal_get', {}, 'mine')).name, 'mia')
  await dialog.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('row').filter({ hasText: 'a script' }).waitFor()
  assert.equal((await page.content()).includes(value), false)
  await page.getByRole('button', { name: 'Revoke a script' }).click()
  await page.getByRole('button', { name: 'Revoke it' }).click()
  await page.getByRole('row').filter({ hasText: 'a script' }).getByText('Revoked').waitFor()
  await until('it is turned away', async () => call(mine, 'principal_get', {}, 'mine').then(() => false, () => true), 10_000)
  assert.deepEqual(await mia.wrong(), [])
})

test('a prompt is drafted, compared and published', async () => {
  const ada = await person('ada', { path: '/p/demo/agents/prompts/intake/work' })
  const { page } = ada
  await page.getByRole('button', { name: 'Edit' }).click()
  const box = page.getByLabel('The whole template')
  await box.fill(`${await box.inputValue()}\nBe brief.`)
  await page.getByRole('button', { name: 'Keep as a draft' }).click()
  await page.locator('header .status', { hasText: 'Draft' }).waitFor()
  await page.getByRole('button', { name: 'Publish', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Publish' }).click()
  await page.locator('header .status', { hasText: 'Published' }).waitFor()
  const { body } = await call(lab, 'prompt_get', { project_id: lab.project_id, stage: 'intake' })
  assert.match(body, /Be brief\./)
  assert.deepEqual(await ada.wrong(), [])
})

test('a session that ends while one writes loses nothing', async () => {
  const ada = await person('ada', { path: '/p/demo/agents/prompts/plan/work' })
  const { page } = ada
  ada.expects = (text) => text.includes('401') || text.includes('403')
  await page.getByRole('button', { name: 'Edit' }).click()
  const box = page.getByLabel('The whole template')
  const text = `${await box.inputValue()}\nWhat took an hour to write.`
  await box.fill(text)
  const gateway = new URL(lab.gateway_url)
  await ada.context.clearCookies({ domain: gateway.hostname, name: /session|codex/i })
  await page.getByRole('button', { name: 'Keep as a draft' }).click()
  await page.getByRole('link', { name: /^Sign in/ }).click()
  await page.getByRole('button', { name: 'Continue as ada' }).click()
  await page.waitForURL(/prompts\/plan\/work/)
  assert.equal(await box.inputValue(), text)
  await page.getByRole('button', { name: 'Keep as a draft' }).click()
  await page.locator('header .status', { hasText: 'Draft' }).waitFor()
  assert.deepEqual(await ada.wrong(), [])
})

test('rules are tried without acting, and the audit is proven', async () => {
  const mia = await person('mia', { path: '/p/demo/agents/rules' })
  const { page } = mia
  await page.getByRole('button', { name: 'What would happen?' }).click()
  await page.locator('[role=status] .tag', { hasText: 'Start' }).waitFor()
  await page.locator('.tag', { hasText: 'decided' }).waitFor()
  await mia.goto('/p/demo/audit')
  await page.getByRole('button', { name: 'Prove it' }).click()
  await page.getByText(/Nobody changed it: .* seals hold\./).waitFor()
  await page.getByRole('button', { name: 'Denied', exact: true }).click()
  await page.waitForURL(/decision=denied/)
  await mia.goto('/p/demo/access/why?operation=slot_release')
  await page.getByRole('heading', { name: 'You may not' }).waitFor()
  assert.deepEqual(await mia.wrong(), [])
})
