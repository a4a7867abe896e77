import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { Input } from '@/mcp/client'
import { GROUPS, type Group } from './run'

/** How far back; in milliseconds. */
export const SINCE = { '1h': 3_600_000, '24h': 86_400_000, '7d': 7 * 86_400_000, '30d': 30 * 86_400_000 } as const
export const SINCE_WORDS = { '1h': 'Last hour', '24h': 'Last day', '7d': 'Last week', '30d': 'Last 30 days' } as const
export type Since = keyof typeof SINCE

/** What is asked of the list; all of it is in the address. */
export interface Filters {
  group?: Group
  repository?: string
  number?: number
  /** `me`, or a person's id. */
  who?: string
  stage?: string
  since?: Since
  text?: string
  by?: 'issue'
}

const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined)

export function readFilters(query: Record<string, unknown>): Filters {
  const group = query.state as Group
  const number = Number(query.issue)
  return {
    group: group in GROUPS ? group : undefined,
    repository: text(query.repository),
    number: Number.isSafeInteger(number) && number > 0 ? number : undefined,
    who: text(query.who),
    stage: text(query.stage),
    since: (query.since as Since) in SINCE ? (query.since as Since) : undefined,
    text: text(query.q),
    by: query.by === 'issue' ? 'issue' : undefined,
  }
}

export function writeFilters(filters: Filters): Record<string, string> {
  const query: Record<string, string> = {}
  if (filters.group) query.state = filters.group
  if (filters.repository) query.repository = filters.repository
  if (filters.number) query.issue = String(filters.number)
  if (filters.who) query.who = filters.who
  if (filters.stage) query.stage = filters.stage
  if (filters.since) query.since = filters.since
  if (filters.text) query.q = filters.text
  if (filters.by) query.by = filters.by
  return query
}

/** Fewer letters would find nearly everything, and the platform takes no such question. */
export const SHORTEST_TEXT = 3
/** A moment that does not change with every look: the same question is asked once. */
const MINUTE = 60_000

/** The filters as the tool takes them; `#7` among the words is an issue. */
export function asked(filters: Filters, project_id: string, me: string | undefined, now: number): Input<'run_list'> {
  const words = filters.text?.trim() ?? ''
  const number = /^#(\d{1,9})$/.exec(words)?.[1]
  return {
    project_id,
    repository_id: filters.repository,
    number: number === undefined ? filters.number : Number(number),
    states: filters.group && [...GROUPS[filters.group]],
    started_by: filters.who === 'me' ? me : filters.who,
    stage: filters.stage,
    text: number === undefined && words.length >= SHORTEST_TEXT ? words : undefined,
    created_after: filters.since && new Date(Math.floor(now / MINUTE) * MINUTE - SINCE[filters.since]).toISOString(),
  }
}

export function useFilters() {
  const route = useRoute()
  const router = useRouter()
  const filters = computed(() => readFilters(route.query))
  const set = (change: Partial<Filters>) =>
    void router.replace({ query: writeFilters({ ...filters.value, ...change }) })
  return { filters, set }
}
