import { expect, test } from 'vitest'
import { GROUPS, groupOf, isOver, reasonOf, taskOf, titleOf, type RunState } from './run'
import { wordsOf } from '@/shared/status'

test('every state is in one group', () => {
  const grouped = Object.values(GROUPS).flat()
  expect(grouped.toSorted()).toEqual(wordsOf('run').toSorted())
  for (const state of grouped) expect(GROUPS[groupOf(state)]).toContain(state)
})

test.each<[RunState, boolean]>([
  ['running', false],
  ['waiting', false],
  ['cancelling', false],
  ['succeeded', true],
  ['timed_out', true],
])('%s is over: %s', (state, over) => expect(isOver({ state })).toBe(over))

test('a task and a reason in words', () => {
  expect(taskOf({ stage: 'dev', kind: 'work' })).toBe('dev')
  expect(taskOf({ stage: 'dev', kind: 'revise' })).toBe('dev revise')
  expect(reasonOf({ reason: 'output_invalid', sub_reason: 'no_change' })).toBe(
    'What it produced is not what was asked for: no change',
  )
  expect(reasonOf({})).toBeUndefined()
})

test('a run has a name, with or without an issue whose title is shown', () => {
  expect(titleOf({ stage: 'dev', number: 7, title: 'Turn \u202earound' })).toBe('Turn ⟨U+202E⟩around')
  expect(titleOf({ stage: 'dev', number: 7 })).toBe('Issue 7')
  expect(titleOf({ stage: 'dev' })).toBe('A dev task of its own')
})
