import { useMutation, useQuery, useQueryClient, keepPreviousData } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { call, idempotencyKey } from '@/mcp/client'
import type { ToolError } from '@/mcp/error'
import type { Tools } from '@/mcp/tools.gen'

type Name = 'knowledge_search' | 'knowledge_get' | 'knowledge_source_list' | 'knowledge_source_set' | 'knowledge_reindex'

export type Search = Tools['knowledge_search']['input']
export type Mode = NonNullable<Search['mode']>
export type Kind = NonNullable<Search['kinds']>[number]
export type Found = Tools['knowledge_search']['output']
export type Hit = Found['hits'][number]
export type Document = Tools['knowledge_get']['output']
export type Source = Tools['knowledge_source_list']['output']['sources'][number]

const ask = <It extends Name>(name: It, input: Tools[It]['input'], signal?: AbortSignal) =>
  call(name, input, signal)

export function useKnowledge<It extends Name>(
  name: It,
  input: MaybeRefOrGetter<Tools[It]['input']>,
  options: { enabled?: MaybeRefOrGetter<boolean>; every?: number; keep?: boolean } = {},
) {
  return useQuery<Tools[It]['output'], ToolError>({
    queryKey: computed(() => [name, toValue(input)] as const),
    queryFn: ({ signal }) => ask(name, toValue(input), signal),
    enabled: () => toValue(options.enabled) ?? true,
    refetchInterval: options.every ?? false,
    placeholderData: options.keep ? (keepPreviousData as never) : undefined,
  })
}

/** A write; its key is new for each, for all of them may be repeated without harm. */
export function useKnowledgeAct<It extends 'knowledge_source_set' | 'knowledge_reindex'>(name: It) {
  const cache = useQueryClient()
  return useMutation<Tools[It]['output'], ToolError, Tools[It]['input']>({
    mutationFn: (input) => ask(name, { ...input, idempotency_key: idempotencyKey() }),
    onSettled: () => cache.invalidateQueries({ queryKey: ['knowledge_source_list'] }),
  })
}
