import { expect, test } from 'vitest'
import { steps } from './stages'

const run = (stage: string, state: string) => ({ stage, state }) as Parameters<typeof steps>[1][number]

test('stages in their order, each with its newest run, and the one that comes next', () => {
  const found = steps(['qa', 'dev', 'plan', 'zz'], [run('dev', 'succeeded'), run('dev', 'failed'), run('own', 'failed')])
  expect(found.map(({ stage, run, next }) => [stage, run?.state, next])).toEqual([
    ['plan', undefined, false],
    ['dev', 'succeeded', false],
    ['qa', undefined, true],
    ['own', 'failed', false],
    ['zz', undefined, false],
  ])
})

test('while nothing succeeded, nothing is next', () => {
  expect(steps(['dev'], [run('dev', 'failed')]).some((step) => step.next)).toBe(false)
})
