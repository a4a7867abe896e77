import { useInfiniteQuery } from '@tanstack/vue-query'
import { computed, ref, toValue, watch, type MaybeRefOrGetter } from 'vue'
import { call, type Input, type Output } from '@/mcp/client'
import type { ToolError } from '@/mcp/error'
import { useTool } from '@/mcp/use'
import type { Run } from './run'

const PAGE = 100
const EVERY_MS = 4_000

/**
 * A list that grows at both ends. Older pages come by the cursor as one scrolls. Rows that are there follow their runs; new
 * runs join at the top at once while one looks there, and else wait until they are asked for, so that nothing jumps.
 */
export function useRuns(filter: MaybeRefOrGetter<Input<'run_list'>>, atTop: () => boolean, ready: () => boolean) {
  const input = computed<Input<'run_list'>>(() => ({ ...toValue(filter), limit: PAGE }))
  const query = useInfiniteQuery<Output<'run_list'>, ToolError, { pages: Output<'run_list'>[] }, readonly unknown[], string | undefined>({
    queryKey: computed(() => ['run_list', 'pages', input.value]),
    queryFn: ({ pageParam, signal }) => call('run_list', { ...input.value, cursor: pageParam }, signal),
    initialPageParam: undefined,
    getNextPageParam: (last) => last.next_cursor,
    enabled: ready,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    // Thousands of rows: pages are replaced whole, and rows are not watched field by field.
    structuralSharing: false,
    shallow: true,
  })
  const newest = useTool('run_list', input, { every: EVERY_MS, enabled: ready })

  const fresh = ref(new Map<string, Run>())
  const joined = ref<Run[]>([])
  watch(input, () => {
    fresh.value = new Map()
    joined.value = []
  })
  const base = computed(() => (query.data.value?.pages ?? []).flatMap((page) => page.runs))
  const waiting = computed(() => {
    // Until the first page is there, nothing is new.
    if (!query.data.value) return []
    const known = new Set([...joined.value, ...base.value].map((run) => run.run_id))
    const top = base.value[0]
    return [...fresh.value.values()].filter((run) => !known.has(run.run_id) && (!top || run.created_at >= top.created_at))
  })
  watch(newest.data, (page) => {
    if (!page) return
    for (const run of page.runs) fresh.value.set(run.run_id, run)
    if (atTop()) join()
  })

  function join(): void {
    joined.value = [...waiting.value, ...joined.value].toSorted((one, other) => (one.run_id < other.run_id ? 1 : -1))
  }

  const rows = computed(() => {
    const all = new Map([...joined.value, ...base.value].map((run) => [run.run_id, run]))
    return [...all.values()].map((run) => fresh.value.get(run.run_id) ?? run)
  })
  return { ...query, rows, waiting, join }
}
