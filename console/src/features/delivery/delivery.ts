import type { Output } from '@/mcp/client'
import { words } from '@/shared/format'

export type Delivery = Output<'delivery_list'>['deliveries'][number]
export type Verdict = NonNullable<Delivery['verdict']>

export const VERDICTS: readonly Verdict[] = ['run_created', 'run_joined', 'run_ended', 'recorded', 'ignored', 'conflict', 'failed']

/** The event as GitHub's pages say it: `issues labeled`. */
export const eventOf = (delivery: Pick<Delivery, 'event' | 'action'>) =>
  `${delivery.event}${delivery.action ? ` ${delivery.action}` : ''}`.replaceAll('_', ' ')

/** Why it ended like that, in a few words: the platform's own word, and what it adds. */
export function whyOf(delivery: Pick<Delivery, 'reason' | 'detail'>): string {
  if (!delivery.reason) return delivery.detail ?? ''
  return delivery.detail ? `${words(delivery.reason)}: ${delivery.detail}` : words(delivery.reason)
}

/** A payload as it reads best: indented where it is JSON, as it came where it is not, or was cut. */
export function pretty(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2)
  } catch {
    return payload
  }
}
