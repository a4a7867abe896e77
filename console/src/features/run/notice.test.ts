import { expect, test } from 'vitest'
import { notices } from './notice'
import type { Run } from './run'

const run = (state: Run['state'], more: Partial<Run> = {}) => ({ run_id: 'r', stage: 'dev', kind: 'work', created_at: '2026-11-24T12:00:00Z', branch: 'codex/issue-7', number: 7, state, ...more }) as Run

const LATER = Date.parse('2026-11-24T12:00:05Z')

test.each<[Run['state'] | undefined, Run['state'], string | undefined]>([
  ['running', 'succeeded', 'Succeeded: dev #7'],
  ['running', 'waiting', 'A run waits for you'],
  ['cancelling', 'cancelled', 'Cancelled: dev #7'],
  ['queued', 'running', undefined],
  ['succeeded', 'succeeded', undefined],
  // What was over before one looked is no news.
  [undefined, 'failed', undefined],
])('from %s to %s: %s', (was, now, title) => {
  const before = new Map(was ? [['r', was]] : [])
  expect(notices(before, [run(now)], LATER).map((it) => it.title)).toEqual(title ? [title] : [])
})

test('a failure says why', () => {
  expect(notices(new Map([['r', 'running']]), [run('failed', { reason: 'budget' })], LATER)[0]?.text).toBe('The money it may spend is spent')
})

test('a run that began and ended between two looks is news', () => {
  expect(notices(new Map(), [run('succeeded')], Date.parse('2026-11-24T11:59:50Z'))).toHaveLength(1)
})
