import { expect, test } from 'vitest'
import { ago, count, duration, exact, money, words } from './format'

test.each([
  [-5, '0s'],
  [0, '0s'],
  [44, '<1s'],
  [999, '1s'],
  [59_400, '59s'],
  [61_000, '1m 1s'],
  [600_000, '10m'],
  [661_000, '11m'],
  [3_600_000, '1h'],
  [5_400_000, '1h 30m'],
  [90_000_000, '1d 1h'],
  [8 * 86_400_000 + 3_600_000, '8d'],
])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text))

test.each([
  [0, 'just now'],
  [30_000, '30s ago'],
  [120_000, '2m ago'],
  [7_200_000, '2h ago'],
  [172_800_000, '2d ago'],
  [-60_000, 'in 1m'],
])('%i ms before is %s', (before, text) => expect(ago(1_000_000_000 - before, 1_000_000_000)).toBe(text))

test.each([
  [0, '$0'],
  [50, '<$0.0001'],
  [1_234, '$0.0012'],
  [12_345, '$0.012'],
  [1_500_000, '$1.50'],
])('%i micro-dollars are %s', (micro, text) => expect(money(micro)).toBe(text))

test.each([
  [999, '999'],
  [9_999, '9,999'],
  [12_345, '12.3k'],
  [123_456, '123k'],
  [1_234_567, '1.2M'],
])('%i is %s', (value, text) => expect(count(value)).toBe(text))

test('a moment is exact', () => expect(exact('2026-11-24T16:01:58.555Z', true)).toBe('2026-11-24 16:01:58 UTC'))
test('names are words', () => expect(words('timed_out')).toBe('Timed out'))
