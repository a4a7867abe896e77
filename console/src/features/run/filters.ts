import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { GROUPS, type Group, type Run } from './run'

/** What is asked of the list; all of it is in the address. */
export interface Filters {
  group?: Group
  repository?: string
  number?: number
  text?: string
  by?: 'issue'
}

export function readFilters(query: Record<string, unknown>): Filters {
  const group = query.state as Group
  const number = Number(query.issue)
  return {
    group: group in GROUPS ? group : undefined,
    repository: typeof query.repository === 'string' ? query.repository : undefined,
    number: Number.isSafeInteger(number) && number > 0 ? number : undefined,
    text: typeof query.q === 'string' && query.q ? query.q : undefined,
    by: query.by === 'issue' ? 'issue' : undefined,
  }
}

export function writeFilters(filters: Filters): Record<string, string> {
  const query: Record<string, string> = {}
  if (filters.group) query.state = filters.group
  if (filters.repository) query.repository = filters.repository
  if (filters.number) query.issue = String(filters.number)
  if (filters.text) query.q = filters.text
  if (filters.by) query.by = filters.by
  return query
}

/** Whether a row holds all words that were typed. */
export function holds(run: Pick<Run, 'stage' | 'branch' | 'run_id' | 'number' | 'model'>, more: string, text?: string): boolean {
  if (!text) return true
  const all = `${run.stage} ${run.branch} ${run.run_id} #${run.number ?? ''} ${run.model ?? ''} ${more}`.toLowerCase()
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word))
}

export function useFilters() {
  const route = useRoute()
  const router = useRouter()
  const filters = computed(() => readFilters(route.query))
  const set = (change: Partial<Filters>) =>
    void router.replace({ query: writeFilters({ ...filters.value, ...change }) })
  return { filters, set }
}
