import { effectScope } from 'vue'
import { beforeEach, expect, test, vi } from 'vitest'
import { keepDrafts, useDraft } from './drafts'

beforeEach(() => {
  const kept = new Map<string, string>()
  vi.stubGlobal('location', { pathname: '/p/demo/agents' })
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  })
})

const form = (text: string | undefined) => {
  const scope = effectScope()
  return { scope, before: scope.run(() => useDraft('prompt', () => text)) }
}

test('what was written comes back once, at its own address', () => {
  const first = form('half a prompt')
  expect(first.before).toBeUndefined()
  keepDrafts()
  first.scope.stop()
  vi.stubGlobal('location', { pathname: '/p/other/agents' })
  const elsewhere = form(undefined)
  expect(elsewhere.before).toBeUndefined()
  elsewhere.scope.stop()
  vi.stubGlobal('location', { pathname: '/p/demo/agents' })
  expect(form(undefined).before).toBe('half a prompt')
  expect(form(undefined).before).toBeUndefined()
})

test('a form that is gone, or empty, leaves nothing', () => {
  const gone = form('text')
  gone.scope.stop()
  form(undefined)
  keepDrafts()
  expect(form(undefined).before).toBeUndefined()
})
