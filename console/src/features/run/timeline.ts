import type { Output } from '@/mcp/client'
import { duration, money, words } from '@/shared/format'
import type { Tone } from '@/shared/status'

export type RunEvent = Output<'run_event_list'>['events'][number]

/** A stretch of the run's life. Without an end it goes on. */
export interface Bar {
  key: string
  word: string
  tone: Tone
  from: number
  to?: number
  turn: number
}

/** A moment in it: what an agent called and the platform noted. */
export interface Mark {
  key: string
  word: string
  at: number
}

export type Effect = Output<'effect_list'>['effects'][number]

const EFFECT_TONES: Readonly<Record<string, Tone>> = { applied: 'good', refused: 'bad', failed: 'bad', superseded: 'calm' }

/** Writes to GitHub as bars: from when they were asked for until GitHub had them, or it was clear that it never will. */
export function writes(effects: readonly Effect[]): (Bar & { effect: Effect })[] {
  return effects.map((effect) => {
    const tone = EFFECT_TONES[effect.state]
    const end = effect.applied_at ?? (tone ? effect.updated_at : undefined)
    return {
      key: effect.effect_id,
      word: words(effect.kind),
      tone: tone ?? 'wait',
      from: Date.parse(effect.created_at),
      to: end === undefined ? undefined : Date.parse(end),
      turn: effect.turn ?? 0,
      effect,
    }
  })
}

/** What is between an event and the next that changes where the run is. */
const PHASES: Record<string, { word: string; tone: Tone }> = {
  queued: { word: 'Queued', tone: 'calm' },
  admitted: { word: 'Slot leased, pod made', tone: 'busy' },
  starting: { word: 'Pod starting', tone: 'busy' },
  running: { word: 'Agent works', tone: 'busy' },
  waiting: { word: 'Waiting for a person', tone: 'wait' },
  finishing: { word: 'Proving the pull request', tone: 'busy' },
  cancelling: { word: 'Removing the pod', tone: 'wait' },
}
const ENDS: ReadonlySet<string> = new Set(['succeeded', 'failed', 'timed_out', 'cancelled'])

/** The phases of a run as bars, one after the other, and what happened within them as marks. */
export function timeline(events: readonly RunEvent[]): { bars: Bar[]; marks: Mark[] } {
  const bars: Bar[] = []
  const marks: Mark[] = []
  for (const event of events) {
    const at = Date.parse(event.at)
    const phase = PHASES[event.kind]
    if (phase || ENDS.has(event.kind)) {
      const open = bars.at(-1)
      if (open && open.to === undefined) open.to = at
    }
    if (phase) {
      bars.push({ key: `${event.seq}`, ...phase, from: at, turn: event.turn })
    } else if (!ENDS.has(event.kind)) {
      marks.push({ key: `${event.seq}`, word: tell(event), at })
    }
  }
  return { bars, marks }
}

const field = (event: RunEvent, name: string): string | undefined => {
  const value = event.detail[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

/** An event in one line, for people. What we have no words for is told by its own. */
export function tell(event: RunEvent): string {
  const of = (name: string) => field(event, name)
  switch (event.kind) {
    case 'queued':
      return of('retry_of') ? 'Asked for again' : `Asked for: ${of('stage') ?? 'a task'}`
    case 'admitted':
      return 'Got a slot'
    case 'starting':
      return 'The pod is made'
    case 'running':
      return 'The agent began'
    case 'waiting':
      return 'Waits for an answer'
    case 'finishing':
      return `Pushed ${of('changed_paths') ?? 'its'} changed ${of('changed_paths') === '1' ? 'file' : 'files'}`
    case 'succeeded':
      return of('pull_request_number') ? `Done: pull request #${of('pull_request_number')}` : 'Done'
    case 'failed':
      return of('detail') ?? of('reason')?.replaceAll('_', ' ') ?? 'Failed'
    case 'timed_out':
      return 'Its time is used up'
    case 'limits_raised': {
      const [time, cost] = [Number(of('active_seconds_limit')), of('cost_limit_micro_usd')]
      return `Given more: ${duration(time * 1_000)} of active time${cost ? `, ${money(Number(cost))}` : ''} in all`
    }
    case 'cancelling':
      return of('why') ? `Cancelled: ${of('why')}` : 'Cancelled'
    case 'cancelled':
      return 'The pod is gone'
    default:
      return of('text') ?? of('summary') ?? of('why') ?? of('detail') ?? event.kind.replaceAll('_', ' ')
  }
}

/** Where round moments are on a span, about `wanted` of them: seconds from the beginning. */
export function ticks(seconds: number, wanted: number): number[] {
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400]
  const step = STEPS.find((it) => seconds / it <= wanted) ?? Math.ceil(seconds / wanted / 86_400) * 86_400
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, at) => at * step)
}
