import type { Output } from '@/mcp/client'
import { words } from '@/shared/format'
import type { Tone } from '@/shared/status'
import { visible } from '@/shared/text'

export type Run = Output<'run_get'>
export type RunState = Run['state']

/** The groups that people look for; together they are all states. */
export const GROUPS = {
  active: ['admitted', 'starting', 'running', 'finishing', 'cancelling'],
  queued: ['queued'],
  waiting: ['waiting'],
  failed: ['failed', 'timed_out'],
  succeeded: ['succeeded'],
  cancelled: ['cancelled'],
} as const satisfies Record<string, readonly RunState[]>
export type Group = keyof typeof GROUPS

const OVER: ReadonlySet<RunState> = new Set(['succeeded', 'failed', 'timed_out', 'cancelled'])
export const isOver = (run: Pick<Run, 'state'>) => OVER.has(run.state)

export const groupOf = (state: RunState): Group =>
  (Object.keys(GROUPS) as Group[]).find((group) => (GROUPS[group] as readonly RunState[]).includes(state)) ?? 'active'

/** What a run is about, in a few words. */
export function taskOf(run: Pick<Run, 'number' | 'stage' | 'kind'>): string {
  const kind = run.kind === 'work' ? '' : ` ${run.kind}`
  return `${run.stage}${kind}`
}

/** What a run is called: its issue's title where that is shown. */
export function titleOf(run: Pick<Run, 'number' | 'stage' | 'title'>): string {
  if (run.title) return visible(run.title)
  return run.number ? `Issue ${run.number}` : `A ${run.stage} task of its own`
}

/** Why it ended as it did; each reason of the closed list, for people. */
const REASONS: Record<NonNullable<Run['reason']>, string> = {
  precondition: 'Something that must hold first did not',
  environment: 'Its environment could not be made',
  start_timeout: 'Its pod did not start in time',
  pod_lost: 'Its pod was lost',
  agent_error: 'The agent ended with an error',
  output_invalid: 'What it produced is not what was asked for',
  write_scope: 'It changed files that it may not change',
  provider_denied: 'GitHub refused a step',
  model_auth: 'The model refused its key',
  budget: 'The money it may spend is spent',
  internal: 'The platform met a defect',
}

export function reasonOf(run: Pick<Run, 'reason' | 'sub_reason'>): string | undefined {
  const reason = run.reason && REASONS[run.reason]
  if (!reason) return undefined
  const sub = run.sub_reason ? `: ${words(run.sub_reason).toLowerCase()}` : ''
  return `${reason}${sub}`
}

/** The favicon says how it stands. */
export const iconOf = (tone: Tone) => `/icons/${tone}.svg`
