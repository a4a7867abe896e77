import { expect, test } from 'vitest'
import { lagOf, mark } from './mark'

const hits = (text: string, words: string[]) => mark(text, words).flatMap((it) => (it.hit ? [it.text] : []))

test('words are found whatever their case, the longest first', () => {
  expect(hits('Lease a slot; leases end', ['lease', 'leases'])).toEqual(['Lease', 'leases'])
  expect(mark('a slot', ['slot'])).toEqual([
    { text: 'a ', hit: false },
    { text: 'slot', hit: true },
  ])
})

test('a part of another word is not the word, and what stands everywhere is not marked', () => {
  expect(hits('textarea of text, Text_2 and text.', ['text'])).toEqual(['text', 'text'])
  expect(hits('a lease is a lease', ['a', 'is'])).toEqual([])
})

test('a word is text, never a pattern', () => {
  expect(hits('a.b axb (c)', ['a.b', '(c)'])).toEqual(['a.b', '(c)'])
  expect(hits('anything', ['', ' ', '.*', '...'])).toEqual([])
})

test('nothing is lost', () => {
  const text = '<b>Slot</b> slots'
  expect(mark(text, ['slot', '<b>']).map((it) => it.text).join('')).toBe(text)
  expect(mark('', ['slot'])).toEqual([])
})

test('a lag in words', () => {
  const said = (ms: number) => `${ms / 1_000}s`
  expect(lagOf(undefined, said)).toBe('not read yet')
  expect(lagOf(0, said)).toBe('up to date')
  expect(lagOf(90, said)).toBe('90s behind')
})
