import { useQueries } from '@tanstack/vue-query'
import { computed } from 'vue'
import { call, type Output } from '@/mcp/client'
import { useRepositories } from '@/shared/project'

type Page = Output<'issue_list'>
const FRESH_MS = 60_000

/** Titles of issues, as far as they are known: a run has a number alone. Who may not read issues sees numbers. */
export function useTitles() {
  const { repositories } = useRepositories()
  const asked = computed(() =>
    repositories.value
      .filter((it) => !it.detached_at && !it.suspension)
      .slice(0, 10)
      .flatMap(({ repository_id }) => [false, true].map((closed) => ({ repository_id, closed }))),
  )
  const pages = useQueries({
    queries: computed(() =>
      asked.value.map((input) => ({
        queryKey: ['issue_list', { ...input, limit: 100 }],
        queryFn: ({ signal }: { signal: AbortSignal }) => call('issue_list', { ...input, limit: 100 }, signal),
        staleTime: FRESH_MS,
        retry: false,
      })),
    ),
  })
  const titles = computed(() => {
    const found = new Map<string, string>()
    pages.value.forEach(({ data }, at) => {
      const repository = asked.value[at]?.repository_id ?? ''
      for (const issue of (data as Page | undefined)?.issues ?? []) found.set(`${repository} ${issue.number}`, issue.title)
    })
    return found
  })
  const titleOf = (run: { repository_id: string; number?: number }) =>
    run.number === undefined ? undefined : titles.value.get(`${run.repository_id} ${run.number}`)
  return { titleOf }
}
