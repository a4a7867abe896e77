import { keepPreviousData, useInfiniteQuery } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { call, type Input, type Output, type ToolName } from '../mcp/client'
import type { ToolError } from '../mcp/error'
import type { ReadOptions } from '../mcp/use'

/** Reads a list page by page through a tool that answers with a cursor. Other arguments show their rows when they are there. */
export function usePages<Name extends ToolName, Row>(
  name: Name,
  input: MaybeRefOrGetter<Input<Name>>,
  rowsOf: (page: Output<Name>) => readonly Row[],
  options: Omit<ReadOptions, 'keep'> = {},
) {
  const query = useInfiniteQuery<Output<Name>, ToolError, { pages: Output<Name>[] }, readonly unknown[], string | undefined>({
    queryKey: computed(() => [name, 'pages', toValue(input)]),
    queryFn: ({ pageParam, signal }) => call(name, { ...toValue(input), cursor: pageParam } as Input<Name>, signal),
    initialPageParam: undefined,
    getNextPageParam: (last) => (last as { next_cursor?: string }).next_cursor,
    refetchInterval: () => toValue(options.every) ?? false,
    enabled: () => toValue(options.enabled) ?? true,
    placeholderData: keepPreviousData as never,
  })
  const rows = computed(() => query.data.value?.pages.flatMap((page) => rowsOf(page)) ?? [])
  const more = computed(() => query.hasNextPage.value && !query.isFetchingNextPage.value)
  return { ...query, rows, more }
}
