import type { Output } from '@/mcp/client'
import { sentence, words } from '@/shared/format'

export type Delivery = Output<'delivery_list'>['deliveries'][number]
export type Verdict = NonNullable<Delivery['verdict']>

export const VERDICTS: readonly Verdict[] = ['run_created', 'run_joined', 'run_ended', 'recorded', 'ignored', 'conflict', 'failed']

/** The event as GitHub's pages say it: `issues labeled`. */
export const eventOf = (delivery: Pick<Delivery, 'event' | 'action'>) =>
  `${delivery.event}${delivery.action ? ` ${delivery.action}` : ''}`.replaceAll('_', ' ')

/** Why it ended like that, in a few words: the platform's own word, and what it adds. */
export function whyOf({ reason, detail, sender_login }: Pick<Delivery, 'reason' | 'detail' | 'sender_login'>): string {
  // Who sent it has a place of its own.
  const by = `by ${sender_login}`
  const rest = sender_login && detail?.endsWith(by) ? detail.slice(0, -by.length).trim() : (detail ?? '')
  if (!reason) return sentence(rest)
  return rest ? `${words(reason)}: ${rest}` : words(reason)
}

/** What the platform itself did at GitHub comes back as an event, and starts nothing. */
export const isOwn = (delivery: Pick<Delivery, 'reason'>) => delivery.reason === 'own_event'

/** A payload as it reads best: indented where it is JSON, as it came where it is not, or was cut. */
export function pretty(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2)
  } catch {
    return payload
  }
}
