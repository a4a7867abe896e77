import { expect, test } from 'vitest'
import { holds, readFilters, writeFilters } from './filters'

test('filters go into the address and come back', () => {
  const filters = { group: 'failed', repository: 'r1', number: 7, text: 'dev x', by: 'issue' } as const
  expect(readFilters(writeFilters(filters))).toEqual(filters)
  expect(writeFilters(readFilters({}))).toEqual({})
})

test('what is no filter is none', () => {
  const query = { state: 'constructor_', issue: '-1', repository: ['a'], by: 'x', q: '' }
  expect(writeFilters(readFilters(query))).toEqual({})
})

test('every word must be there', () => {
  const run = { stage: 'dev', branch: 'codex/issue-7', run_id: 'abc', number: 7 }
  expect(holds(run, 'Add a greeting', 'DEV #7 greet')).toBe(true)
  expect(holds(run, '', 'dev other')).toBe(false)
  expect(holds(run, '')).toBe(true)
})
