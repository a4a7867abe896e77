import { expect, test } from 'vitest'
import { notices } from './notice'
import type { Run } from './run'

const run = (state: Run['state'], more: Partial<Run> = {}) => ({ run_id: 'r', stage: 'dev', kind: 'work', branch: 'codex/issue-7', number: 7, state, ...more }) as Run

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
  expect(notices(before, [run(now)]).map((it) => it.title)).toEqual(title ? [title] : [])
})

test('a failure says why', () => {
  expect(notices(new Map([['r', 'running']]), [run('failed', { reason: 'budget' })])[0]?.text).toBe('The money it may spend is spent')
})
