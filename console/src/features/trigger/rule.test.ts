import { expect, test } from 'vitest'
import { whenOf } from './rule'

test('a rule says when it fits', () => {
  expect(whenOf({ source: 'github', event: 'issues', actions: ['labeled'], condition: { label_prefix: 'run:', label_suffix: ':revise' } })).toBe(
    'issues labeled, label begins with run:, label ends with :revise',
  )
  expect(whenOf({ source: 'internal', event: 'run_done', actions: [], condition: {} })).toBe('run done (of the platform)')
  expect(whenOf({ source: 'github', event: 'push', actions: [], condition: { default_branch: true } })).toBe('push, to the default branch')
})
