import type { Input, Output } from '@/mcp/client'

export type Mode = NonNullable<Input<'knowledge_search'>['mode']>
export type Kind = NonNullable<Input<'knowledge_search'>['kinds']>[number]
export type Hit = Output<'knowledge_search'>['hits'][number]
export type Source = Output<'knowledge_source_list'>['sources'][number]

/** A hit by its name in an address: it stays the same hit when the places change. */
export const nameOf = (hit: Hit) => `${hit.document_id}.${hit.line_from}`
