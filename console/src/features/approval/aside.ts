import { ref } from 'vue'

const KEY = 'codex-k8s.inbox-aside'
const MOST = 200

function read(): Set<string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return new Set(Array.isArray(kept) ? kept.filter((it): it is string => typeof it === 'string') : [])
  } catch {
    return new Set()
  }
}

/** What this person put aside in this browser. */
export const aside = ref(read())

function keep(keys: Set<string>): void {
  aside.value = keys
  localStorage.setItem(KEY, JSON.stringify([...keys].slice(-MOST)))
}

export const putAside = (key: string) => keep(new Set([...aside.value, key]))
export const takeBack = (key: string) => keep(new Set([...aside.value].filter((it) => it !== key)))
