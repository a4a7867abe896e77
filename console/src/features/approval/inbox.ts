import type { Output } from '@/mcp/client'
import { reasonOf, type Run } from '../run/run'
import { visible } from '@/shared/text'

export type Item = Output<'inbox_list'>['items'][number]

export const URGENCIES: Readonly<Record<Item['urgency'], string>> = {
  now: 'Nothing works until somebody acts',
  soon: 'Soon',
  later: 'Good to know',
}

/** What an item is known by when it is put aside: the same cause later is another item. */
export const keyOf = (item: Item) => [item.kind, item.run_id ?? item.delivery_id ?? item.repository_id ?? item.project_id, item.at].join(' ')

/** What an item is called. */
export function titleOfItem(item: Item): string {
  if (item.kind === 'suspended_repository') return item.repository ?? 'A repository'
  if (item.kind === 'broken_credential') return `A model refuses the key of ${item.project}`
  return visible(item.title ?? (item.number ? `Issue ${item.number}` : 'A task of its own'))
}

const SUSPENSIONS: Readonly<Record<string, string>> = {
  app_removed: 'The platform’s App was removed from it',
  app_suspended: 'The platform’s App is suspended there',
  repository_archived: 'It is archived at GitHub: nothing can be pushed',
  repository_deleted: 'It is gone from GitHub',
}

/** Why it waits, in words. */
export function whyOf(item: Item): string {
  const reason = item.reason ?? ''
  if (item.kind === 'suspended_repository') return SUSPENSIONS[reason] ?? 'GitHub does not let the platform in'
  if (item.kind === 'conflict') return 'What you asked for at GitHub could not be'
  return (reason && reasonOf({ reason: reason as Run['reason'], sub_reason: item.sub_reason })) || 'It failed'
}

/** What waits, without what was put aside, by urgency: the order within is the platform's. */
export function byUrgency(items: readonly Item[], aside: ReadonlySet<string>): [words: string, items: Item[]][] {
  const left = items.filter((item) => !aside.has(keyOf(item)))
  return (Object.keys(URGENCIES) as Item['urgency'][])
    .map((urgency): [string, Item[]] => [URGENCIES[urgency], left.filter((item) => item.urgency === urgency)])
    .filter(([, group]) => group.length > 0)
}
