import { useMutation, useQuery, useQueryClient, keepPreviousData } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { call, idempotencyKey } from '@/mcp/client'
import type { ToolError } from '@/mcp/error'

/** The tools of knowledge, as their contract has them. */
export interface Tools {
  knowledge_search: { input: Search; output: Found }
  knowledge_get: { input: { document_id?: string; repository_id?: string; path?: string; line_from?: number; line_to?: number }; output: Document }
  knowledge_source_list: { input: { project_id?: string; limit?: number; cursor?: string }; output: { sources: Source[]; next_cursor?: string } }
  knowledge_source_set: {
    input: { repository_id: string; version: number; include?: string[]; exclude?: string[]; visible_to?: string; external_embedder?: boolean; idempotency_key?: string }
    output: Source
  }
  knowledge_reindex: { input: { repository_id: string; whole?: boolean; idempotency_key?: string }; output: Source }
}
type Name = keyof Tools

export type Mode = 'hybrid' | 'text' | 'vector'
export type Kind = 'docs' | 'code'

export interface Search {
  query: string
  repository_id?: string
  paths?: string[]
  kinds?: Kind[]
  mode?: Mode
  limit?: number
  commit?: string
}

export interface Hit {
  document_id: string
  repository_id: string
  repository: string
  path: string
  commit: string
  kind: string
  heading?: string
  line_from: number
  line_to: number
  snippet: string
  snippet_line: number
  matched: string[]
  scores: { fused: number; near_rank?: number; similarity?: number; text_rank?: number; text_score?: number; name_rank?: number }
  copies: { path: string; line_from: number; line_to: number }[]
}

export interface Found {
  mode: Mode
  note?: string
  untrusted: true
  hits: Hit[]
  indexes: { repository_id: string; repository: string; commit?: string; lag_seconds?: number; unembedded: number; model?: string }[]
  left_out: { repository_id: string; repository: string; why: string }[]
}

export interface Document {
  document_id: string
  repository_id: string
  path: string
  commit: string
  blob_sha: string
  kind: string
  language?: string
  bytes: number
  lines: number
  line_from: number
  line_to: number
  next_line?: number
  skipped?: string
  text?: string
  untrusted: true
}

export interface Source {
  repository_id: string
  project_id: string
  repository: string
  default_branch: string
  include: string[]
  exclude: string[]
  visible_to: string
  visible_to_is_set: boolean
  private: boolean
  consent_by?: string
  consent_at?: string
  commit?: string
  reading_commit?: string
  indexed_at?: string
  lag_seconds?: number
  failure?: string
  failed_at?: string
  documents: number
  skipped: number
  chunks: number
  version: number
  models: { name: string; dims: number; state: string; external: boolean; unembedded: number }[]
}

const ask = <It extends Name>(name: It, input: Tools[It]['input'], signal?: AbortSignal) =>
  call(name as never, input as never, signal) as Promise<Tools[It]['output']>

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
