import { expect, test } from 'vitest'
import { inbox, type Repository, type Run } from './inbox'

const NOW = Date.parse('2026-11-24T12:00:00Z')
const run = (run_id: string, more: Partial<Run>): Run =>
  ({
    run_id,
    repository_id: 'r',
    state: 'failed',
    state_since: `2026-11-24T0${run_id}:00:00Z`,
    started_by: 'me',
    ...more,
  }) as Run

test('my failed runs, until something newer works on the same', () => {
  const runs = [
    run('7', { state: 'running', number: 4 }),
    run('6', { retry_of: '1', state: 'queued' }),
    run('5', {}),
    run('4', { number: 4 }),
    run('3', { started_by: 'other' }),
    run('2', { state: 'timed_out', number: 9 }),
    run('1', {}),
  ]
  expect(inbox('me', runs, [], new Set(), NOW).map((item) => item.key)).toEqual(['5', '2'])
  expect(inbox('me', runs, [], new Set(['5']), NOW).map((item) => item.key)).toEqual(['2'])
  expect(inbox(undefined, runs, [], new Set(), NOW)).toEqual([])
})

test('what waits for an answer waits for everybody, and old failures for nobody', () => {
  const runs = [
    run('2', { state: 'waiting', started_by: 'other' }),
    run('1', { state_since: '2026-10-01T00:00:00Z' }),
  ]
  expect(inbox('me', runs, [], new Set(), NOW).map((item) => item.kind)).toEqual(['waiting'])
})

test('a repository where the platform may not work', () => {
  const repository = (repository_id: string, more: Partial<Repository>) =>
    ({ repository_id, created_at: '2026-11-01T00:00:00Z', ...more }) as Repository
  const repositories = [
    repository('a', {}),
    repository('b', { suspension: 'app_removed' }),
    repository('c', { suspension: 'app_suspended', detached_at: '2026-11-02T00:00:00Z' }),
  ]
  expect(inbox('me', [], repositories, new Set(), NOW).map((item) => item.key)).toEqual(['b app_removed'])
})
