import { expect, test } from 'vitest'
import { fit } from './palette'

const command = { title: 'Go to Runs', group: 'Navigation', also: 'list' }

test.each([
  ['', 0],
  ['go', 4],
  ['runs', 3],
  ['uns', 1],
  ['nav', 1],
  ['go runs', 7],
  ['go slots', undefined],
])('%j fits with %s', (typed, score) => expect(fit(command, typed)).toBe(score))
