import {
  Ban,
  Check,
  CircleAlert,
  CircleDashed,
  CircleDot,
  Clock,
  CornerDownRight,
  EyeOff,
  GitMerge,
  Hourglass,
  LoaderCircle,
  LogOut,
  MinusCircle,
  Pause,
  Rocket,
  TimerOff,
  X,
} from '@lucide/vue'
import type { Component } from 'vue'

/** What a state means for whoever looks: colour follows from it, and nothing else gives colour. */
export type Tone = 'good' | 'bad' | 'busy' | 'wait' | 'calm'

export interface Status {
  word: string
  icon: Component
  tone: Tone
  /** It goes on by itself: its icon turns. */
  moves?: boolean
}

const done = (word: string): Status => ({ word, icon: Check, tone: 'good' })
const bad = (word: string, icon: Component = X): Status => ({ word, icon, tone: 'bad' })
const busy = (word: string, icon: Component = LoaderCircle): Status => ({ word, icon, tone: 'busy', moves: icon === LoaderCircle })
const wait = (word: string, icon: Component = Hourglass): Status => ({ word, icon, tone: 'wait' })
const calm = (word: string, icon: Component = MinusCircle): Status => ({ word, icon, tone: 'calm' })

/** One vocabulary: the same word, icon and colour wherever a state is shown. Keys are the contract's own words. */
const VOCABULARY = {
  run: {
    queued: calm('Queued', CircleDashed),
    admitted: busy('Admitted', CircleDot),
    starting: busy('Starting', Rocket),
    running: busy('Running'),
    waiting: wait('Waiting'),
    finishing: busy('Finishing', GitMerge),
    cancelling: wait('Cancelling', LogOut),
    succeeded: done('Succeeded'),
    failed: bad('Failed'),
    timed_out: bad('Timed out', TimerOff),
    cancelled: calm('Cancelled', Ban),
  },
  issue: {
    open: { word: 'Open', icon: CircleDot, tone: 'good' },
    closed: calm('Closed', Check),
  },
  slot: {
    free: done('Free'),
    leased: busy('Leased'),
    held: wait('Held', Pause),
    draining: wait('Draining', LogOut),
    quarantined: bad('Quarantined', CircleAlert),
  },
  delivery: {
    pending: busy('Pending', Clock),
    run_created: done('Run created'),
    run_joined: done('Run joined'),
    run_ended: calm('Run ended', LogOut),
    recorded: calm('Recorded', CornerDownRight),
    ignored: calm('Ignored', EyeOff),
    conflict: wait('Conflict', CircleAlert),
    failed: bad('Failed'),
  },
  effect: {
    proposed: calm('Proposed', CircleDashed),
    awaiting_approval: wait('Awaiting approval'),
    ready: busy('Ready', Clock),
    applying: busy('Applying'),
    applied: done('Applied'),
    refused: bad('Refused', Ban),
    failed: bad('Failed'),
    superseded: calm('Superseded', CornerDownRight),
  },
  repository: {
    attached: done('Attached'),
    detached: calm('Detached', Ban),
    app_removed: bad('App removed', CircleAlert),
    app_suspended: bad('App suspended', CircleAlert),
    repository_archived: bad('Archived', CircleAlert),
    repository_deleted: bad('Gone from GitHub', CircleAlert),
  },
  source: {
    ready: done('Read'),
    reading: busy('Reading'),
    waiting: calm('Not read yet', CircleDashed),
    failed: bad('Failed'),
  },
  version: {
    published: done('Published'),
    draft: wait('Draft', CircleDashed),
  },
  decision: {
    allowed: done('Allowed'),
    denied: bad('Denied', Ban),
  },
  life: {
    live: done('Live'),
    ended: calm('Ended', LogOut),
    revoked: calm('Revoked', Ban),
    disabled: bad('Disabled', Ban),
    blocked: bad('Blocked', Ban),
  },
  preflight: {
    good: done('Good'),
    warning: wait('Warning', CircleAlert),
    unknown: calm('Unknown', CircleDashed),
    broken: bad('Broken'),
  },
  wait: {
    open: wait('Open'),
    answered: done('Answered'),
    expired: bad('Expired', TimerOff),
    cancelled: calm('Cancelled', Ban),
  },
} as const satisfies Record<string, Record<string, Status>>

export type Vocabulary = keyof typeof VOCABULARY

/** How a state is shown; one that this console does not know yet, by its own word. */
export function statusOf(of: Vocabulary, state: string): Status {
  const known: Record<string, Status> = VOCABULARY[of]
  return known[state] ?? calm(state.replaceAll('_', ' '), CircleDashed)
}

export const wordsOf = (of: Vocabulary): string[] => Object.keys(VOCABULARY[of])
