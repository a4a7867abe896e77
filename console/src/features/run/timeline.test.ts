import { expect, test } from 'vitest'
import { tell, ticks, timeline, writes, type Effect, type RunEvent } from './timeline'

let seq = 0
const event = (kind: string, second: number, detail: RunEvent['detail'] = {}): RunEvent => ({
  seq: ++seq,
  turn: 1,
  kind,
  detail,
  actor: 'system:test',
  at: new Date(second * 1_000).toISOString(),
})

test('a life is a row of bars without gaps, and what else happened are marks', () => {
  const { bars, marks } = timeline([
    event('queued', 0),
    event('admitted', 1),
    event('starting', 2),
    event('running', 5),
    event('status_reported', 6, { text: 'reading' }),
    event('waiting', 10),
    event('queued', 40),
    event('running', 50),
    event('finishing', 60),
    event('succeeded', 61),
  ])
  expect(bars.map((bar) => [bar.word, bar.from / 1_000, bar.to! / 1_000])).toEqual([
    ['Queued', 0, 1],
    ['Slot leased, pod made', 1, 2],
    ['Pod starting', 2, 5],
    ['Agent works', 5, 10],
    ['Waiting for a person', 10, 40],
    ['Queued', 40, 50],
    ['Agent works', 50, 60],
    ['Proving the pull request', 60, 61],
  ])
  expect(marks.map((mark) => mark.word)).toEqual(['reading'])
})

test('what goes on has no end', () => {
  expect(timeline([event('queued', 0), event('running', 3)]).bars.map((bar) => bar.to)).toEqual([3_000, undefined])
})

test('a write lasts from when it was asked for until it is settled, and goes on while it is not', () => {
  const at = (second: number) => new Date(second * 1_000).toISOString()
  const effect = (state: string, applied?: number) =>
    ({ effect_id: state, kind: 'pull_request', state, created_at: at(1), updated_at: at(9), applied_at: applied && at(applied) }) as unknown as Effect
  const bars = writes([effect('applied', 4), effect('refused'), effect('applying')])
  expect(bars.map(({ word, tone, from, to }) => [word, tone, from, to])).toEqual([
    ['Pull request', 'good', 1_000, 4_000],
    ['Pull request', 'bad', 1_000, 9_000],
    ['Pull request', 'wait', 1_000, undefined],
  ])
})

test.each([
  ['queued', { stage: 'dev' }, 'Asked for: dev'],
  ['queued', { stage: 'dev', retry_of: 'x' }, 'Asked for again'],
  ['finishing', { changed_paths: 1 }, 'Pushed 1 changed file'],
  ['succeeded', { pull_request_number: 4 }, 'Done: pull request #4'],
  ['failed', { reason: 'agent_error' }, 'agent error'],
  ['limits_raised', { active_seconds_limit: 7_200, cost_limit_micro_usd: 1_500_000 }, 'Given more: 2h of active time, $1.50 in all'],
  ['of_tomorrow', {}, 'of tomorrow'],
])('%s %j is told as %s', (kind, detail, text) => expect(tell(event(kind, 0, detail as RunEvent['detail']))).toBe(text))

test.each([
  [4, 6, [0, 1, 2, 3, 4]],
  [100, 5, [0, 30, 60, 90]],
  [0.5, 5, [0]],
])('ticks of %s s', (seconds, wanted, at) => expect(ticks(seconds, wanted)).toEqual(at))
