import { keepPreviousData, QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { call, idempotencyKey, type Input, type Output, type ToolName } from './client'
import { ToolError } from './error'

const RETRIES = 2

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      networkMode: 'always',
      refetchOnWindowFocus: true,
      retry: (count, error) => count < RETRIES && error instanceof ToolError && error.passes,
      retryDelay: (count, error) => (error as ToolError).retryAfterMs ?? 400 * 2 ** count,
    },
    mutations: { networkMode: 'always', retry: false },
  },
})

export interface ReadOptions {
  /** Reads again so often; a fallback where nothing tells of news. */
  every?: MaybeRefOrGetter<number | false>
  enabled?: MaybeRefOrGetter<boolean>
  /** Shows the answer to other arguments until this one is there: filters do not flicker. */
  keep?: boolean
}

/** Reads through a tool, kept by its name and arguments. */
export function useTool<Name extends ToolName>(
  name: Name,
  input: MaybeRefOrGetter<Input<Name>>,
  options: ReadOptions = {},
) {
  return useQuery<Output<Name>, ToolError>({
    queryKey: computed(() => [name, toValue(input)] as const),
    queryFn: ({ signal }) => call(name, toValue(input), signal),
    refetchInterval: () => toValue(options.every) ?? false,
    enabled: () => toValue(options.enabled) ?? true,
    placeholderData: options.keep ? (keepPreviousData as never) : undefined,
  })
}

/** Writes through a tool; then everything that `touches` names is read again. A repeat after an error keeps its key. */
export function useAct<Name extends ToolName>(name: Name, touches: readonly ToolName[] = []) {
  const cache = useQueryClient()
  let key: string | undefined
  return useMutation<Output<Name>, ToolError, Input<Name>>({
    mutationFn: (input) => {
      key ??= idempotencyKey()
      return call(name, { ...input, idempotency_key: key } as Input<Name>)
    },
    onSuccess: () => {
      key = undefined
    },
    onError: (error) => {
      // Only what may have happened without our knowing is repeated under its key.
      if (!error.passes) key = undefined
    },
    onSettled: () => Promise.all(touches.map((tool) => cache.invalidateQueries({ queryKey: [tool] }))),
  })
}
