import { onScopeDispose, reactive } from 'vue'

export interface Key {
  /** As one presses it: `j`, `g r`, `mod+k`. */
  keys: string
  does: string
  act: (event: KeyboardEvent) => void
}

const bound = reactive<Key[]>([])
/** All keys that do something now. */
export const boundKeys: readonly Key[] = bound

/** Binds keys for as long as the caller lives. */
export function useKeys(keys: readonly Key[]): void {
  bound.push(...keys)
  onScopeDispose(() => {
    for (const key of keys) {
      const at = bound.findIndex((it) => it.keys === key.keys && it.does === key.does)
      if (at >= 0) bound.splice(at, 1)
    }
  })
}

/** Whether somebody writes there, so that letters are letters. */
export function isWriting(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null
  return element?.isContentEditable === true || ['INPUT', 'TEXTAREA', 'SELECT'].includes(element?.tagName ?? '')
}

/** How an event is written in a binding. */
export function written(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  return event.ctrlKey || event.metaKey ? `mod+${key}` : event.altKey ? `alt+${key}` : key
}

/** Two keys belong together when they follow within this time. */
const TOGETHER_MS = 900
let first: { key: string; at: number } | undefined

/** Finds the binding for a key, the one before it in mind. The newest binding wins. */
export function resolve(keys: readonly Key[], key: string, at: number): Key | undefined {
  const pair = first && at - first.at < TOGETHER_MS ? `${first.key} ${key}` : undefined
  const find = (wanted: string) => keys.findLast((it) => it.keys === wanted)
  const found = (pair && find(pair)) || find(key)
  first = found ? undefined : { key, at }
  return found
}

export function listenToKeys(): void {
  window.addEventListener('keydown', (event) => {
    const key = written(event)
    if (event.defaultPrevented || event.repeat || (isWriting(event.target) && !key.startsWith('mod+'))) return
    // A dialog has the keys while it is open; only what is bound for everywhere still works.
    if (document.querySelector('[role=dialog]') && !key.startsWith('mod+')) return
    const found = resolve(bound, key, event.timeStamp)
    if (!found) return
    event.preventDefault()
    found.act(event)
  })
}
