import { expect, test } from 'vitest'
import { resolve, written, type Key } from './keys'

const key = (keys: string): Key => ({ keys, does: keys, act: () => undefined })
const keys = [key('j'), key('g r'), key('r'), key('mod+k')]

test('a key alone, a pair in time, and a pair too late', () => {
  expect(resolve(keys, 'j', 0)?.keys).toBe('j')
  expect(resolve(keys, 'g', 10)).toBeUndefined()
  expect(resolve(keys, 'r', 200)?.keys).toBe('g r')
  expect(resolve(keys, 'g', 1_000)).toBeUndefined()
  expect(resolve(keys, 'r', 5_000)?.keys).toBe('r')
})

test('events are written like bindings', () => {
  const event = { key: 'K', ctrlKey: false, metaKey: true, altKey: false }
  expect(written(event)).toBe('mod+k')
  expect(written({ ...event, metaKey: false, key: 'Escape' })).toBe('Escape')
})
