import { onScopeDispose } from 'vue'

/** What is being written now, by the name of its form. */
const written = new Map<string, () => unknown>()
const place = (name: string) => `codex-k8s.draft ${location.pathname} ${name}`

/**
 * Answers what was written here before one had to sign in again, once. `now` says what is written now, as long as the caller
 * lives; nothing when there is nothing to keep. Never for secrets: it lies in this tab's storage until it is taken back.
 */
export function useDraft<Draft>(name: string, now: () => Draft | undefined): Draft | undefined {
  written.set(name, now)
  onScopeDispose(() => written.get(name) === now && written.delete(name))
  const kept = sessionStorage.getItem(place(name))
  if (kept === null) return undefined
  sessionStorage.removeItem(place(name))
  return JSON.parse(kept) as Draft
}

/** Keeps what is being written, before this page is left for a sign-in. */
export function keepDrafts(): void {
  for (const [name, now] of written) {
    const draft = now()
    if (draft !== undefined) sessionStorage.setItem(place(name), JSON.stringify(draft))
  }
}
