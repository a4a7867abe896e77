import { expect, test } from 'vitest'
import { lines } from './log'

test('lines are whole however the pieces are cut', () => {
  const text = 'one\ntwo\n\nfour äö\nlast'
  for (let size = 1; size <= text.length; size++) {
    const split = lines()
    const seen = []
    for (let at = 0; at < text.length; at += size) seen.push(...split(text.slice(at, at + size), at + size >= text.length))
    expect(seen.map((line) => line.text)).toEqual(['one', 'two', '', 'four äö', 'last'])
    expect(seen.map((line) => line.number)).toEqual([1, 2, 3, 4, 5])
  }
})

test('what may go on is held back', () => {
  const split = lines()
  expect(split('a', false)).toEqual([])
  expect(split('b\n', false)).toEqual([{ number: 1, text: 'ab' }])
  expect(split('', true)).toEqual([])
})

test('a progress bar is shown as it was last, and no line is endless', () => {
  const [bar, long] = lines()('10%\r50%\r100%\r\n' + 'x'.repeat(5_000) + '\n', true)
  expect(bar?.text).toBe('100%')
  expect(long?.text).toHaveLength(4_000 + '… (1000 more)'.length)
})
