/** Filters under a name, kept in this browser. */
export interface View {
  name: string
  query: string
}

const KEY = 'codex-k8s.run-views'
const MOST = 12

export function readViews(): View[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(kept) ? (kept as View[]).filter((view) => typeof view?.name === 'string' && typeof view.query === 'string') : []
  } catch {
    return []
  }
}

export function writeViews(views: readonly View[]): void {
  localStorage.setItem(KEY, JSON.stringify(views.slice(-MOST)))
}
