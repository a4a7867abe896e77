import { expect, test } from 'vitest'
import { byUrgency, keyOf, titleOfItem, whyOf, type Item } from './inbox'

const item = (more: Partial<Item>): Item => ({
  kind: 'failed_run',
  urgency: 'soon',
  project_id: 'p',
  project: 'demo',
  next: 'Try again.',
  at: '2026-11-24T12:00:00Z',
  ...more,
})

test('what nothing works without comes first, and what was put aside does not come', () => {
  const [failed, key, aside] = [item({ run_id: 'a' }), item({ kind: 'broken_credential', urgency: 'now' }), item({ run_id: 'b' })]
  expect(byUrgency([failed, key, aside], new Set([keyOf(aside)]))).toEqual([
    ['Nothing works until somebody acts', [key]],
    ['Soon', [failed]],
  ])
  expect(byUrgency([], new Set())).toEqual([])
})

test('the same run that fails again is another item', () => {
  expect(keyOf(item({ run_id: 'a' }))).not.toBe(keyOf(item({ run_id: 'a', at: '2026-11-24T13:00:00Z' })))
})

test.each<[Partial<Item>, string, string]>([
  [{ title: 'Turn \u202earound', number: 7, reason: 'budget' }, 'Turn ⟨U+202E⟩around', 'The money it may spend is spent'],
  [{ number: 7, reason: 'agent_error', sub_reason: 'exit_code' }, 'Issue 7', 'The agent ended with an error: exit code'],
  [{ reason: 'of_tomorrow' }, 'A task of its own', 'It failed'],
  [{ kind: 'suspended_repository', repository: 'acme/hello', reason: 'app_removed' }, 'acme/hello', 'The platform’s App was removed from it'],
  [{ kind: 'broken_credential', reason: 'model_auth' }, 'A model refuses the key of demo', 'The model refused its key'],
  [{ kind: 'conflict', title: 'Two labels' }, 'Two labels', 'What you asked for at GitHub could not be'],
])('%j', (more, title, why) => {
  expect(titleOfItem(item(more))).toBe(title)
  expect(whyOf(item(more))).toBe(why)
})
