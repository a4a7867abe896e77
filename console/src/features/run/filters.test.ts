import { expect, test } from 'vitest'
import { asked, readFilters, writeFilters } from './filters'

test('filters go into the address and come back', () => {
  const filters = { group: 'failed', repository: 'r1', number: 7, who: 'me', stage: 'dev', since: '7d', text: 'dev x', by: 'issue' } as const
  expect(readFilters(writeFilters(filters))).toEqual(filters)
  expect(writeFilters(readFilters({}))).toEqual({})
})

test('what is no filter is none', () => {
  const query = { state: 'constructor_', issue: '-1', repository: ['a'], by: 'x', q: '', since: 'toString_', who: 7 }
  expect(writeFilters(readFilters(query))).toEqual({})
})

test('a filter is asked for as the tool takes it, and the same within a minute', () => {
  const filters = { group: 'failed', who: 'me', since: '1h', text: ' ab ' } as const
  const now = Date.parse('2026-11-24T12:00:30Z')
  expect(asked(filters, 'p', 'mia', now)).toEqual({
    project_id: 'p',
    states: ['failed', 'timed_out'],
    started_by: 'mia',
    created_after: '2026-11-24T11:00:00.000Z',
  })
  expect(asked(filters, 'p', 'mia', now + 20_000)).toEqual(asked(filters, 'p', 'mia', now))
  const issue = asked({ text: '#77', number: 3 }, 'p', 'mia', now)
  expect([issue.number, issue.text]).toEqual([77, undefined])
  expect(asked({ text: ' greet ', who: 'x' }, 'p', 'mia', now)).toMatchObject({ text: 'greet', started_by: 'x' })
})
