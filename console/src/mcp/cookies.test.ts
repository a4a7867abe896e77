import { expect, test } from 'vitest'
import { csrfToken } from './cookies'

test.each([
  ['https:', '', 'a=b; __Host-csrf=t0ken=', 't0ken='],
  ['http:', '8400', 'csrf-8401=no; csrf-8400=yes', 'yes'],
  ['http:', '', 'csrf-80=yes', 'yes'],
  ['https:', '', 'csrf=no; csrf-443=no', undefined],
  ['http:', '8400', '', undefined],
])('the token of %s port %s', (protocol, port, cookies, token) => {
  expect(csrfToken(cookies, { protocol, port })).toBe(token)
})
