import { expect, test } from 'vitest'
import { broken, refused, ToolError } from './error'

test('a refusal of a tool keeps its code and its words', () => {
  const error = refused('run_get', 'r1', { code: 'rate_limited', message: 'wait', retry_after_ms: 5 })
  expect([error.code, error.message, error.retryAfterMs, error.requestId, error.passes]).toEqual([
    'rate_limited',
    'wait',
    5,
    'r1',
    true,
  ])
})

test.each([[{ code: 'new_code', message: 'x' }], ['text'], [null]])('what we do not know is internal: %j', (content) => {
  expect(refused('run_get', 'r1', content).code).toBe('internal')
})

test.each([
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [429, 'rate_limited'],
  [502, 'unavailable'],
  [undefined, 'offline'],
  [200, 'internal'],
])('HTTP %s is %s', (status, code) => {
  expect(broken('run_get', 'r1', new Error('x'), status).code).toBe(code)
})

test('an error of ours stays what it is', () => {
  const error = new ToolError('conflict', 'x', 'run_get', 'r1')
  expect(broken('run_get', 'r2', error)).toBe(error)
})

test.each([
  ['unauthenticated', undefined, true],
  ['forbidden', 'sign_in', true],
  ['forbidden', undefined, false],
  ['not_found', 'sign_in', false],
])('%s with the hint %s: sign in is %s', (code, hint, wanted) => {
  expect(refused('secret_set', 'id', { code, message: 'No.', hint }).wantsSignIn).toBe(wanted)
})
