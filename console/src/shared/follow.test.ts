import { expect, test } from 'vitest'
import { Follower } from './follow'

/** A list that grows, read two at a time. */
function source() {
  const all: number[] = []
  let reads = 0
  let most = 0
  return {
    all,
    most: () => most,
    read: async (after: number) => {
      most = Math.max(most, ++reads)
      await new Promise((resolve) => setTimeout(resolve, 1))
      reads--
      const items = all.slice(after, after + 2)
      return { items, next: after + items.length, complete: after + items.length >= 20 }
    },
  }
}

test('however it is poked, nothing is missed and nothing comes twice', async () => {
  const { all, read, most } = source()
  const seen: number[] = []
  const follower = new Follower(0, read, (items) => seen.push(...items))
  for (let round = 0; round < 10; round++) {
    all.push(round * 2, round * 2 + 1)
    void follower.poke()
    void follower.poke()
    if (round % 3 === 0) await follower.poke()
  }
  await follower.poke()
  await follower.poke()
  expect(seen).toEqual(all)
  expect(most()).toBe(1)
  expect(follower.complete).toBe(true)
})

test('a failed read is made again where it was', async () => {
  const { all, read } = source()
  all.push(1, 2, 3)
  let fails = true
  const seen: number[] = []
  const follower = new Follower(
    0,
    (after: number) => (fails && after === 2 ? Promise.reject(new Error('lost')) : read(after)),
    (items) => seen.push(...items),
  )
  await expect(follower.poke()).rejects.toThrow('lost')
  expect(seen).toEqual([1, 2])
  fails = false
  await follower.poke()
  expect(seen).toEqual([1, 2, 3])
})

test('who stopped hears nothing more', async () => {
  const { all, read } = source()
  all.push(1)
  const seen: number[] = []
  const follower = new Follower(0, read, (items) => seen.push(...items))
  const reading = follower.poke()
  follower.stop()
  await reading
  expect(seen).toEqual([])
})
