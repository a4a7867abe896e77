import type { Client, McpSubscription } from '@modelcontextprotocol/client'
import { onScopeDispose, readonly, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue'
import { client } from '../mcp/client'
import { reachable } from '../mcp/reach'

/** How news come: told by the stream, or looked for. */
export type Source = 'stream' | 'polling'

const POLL_MS = 4_000
const AGAIN_MS = [250, 1_000, 3_000, 8_000]
/** What the server takes (mcp-server/src/listen.rs). */
const MOST = 32

const source = shallowRef<Source>('polling')
export const liveSource = readonly(source)

const listeners = new Map<string, Set<() => void>>()
let stream: McpSubscription | undefined
let failures = 0
let opening: ReturnType<typeof setTimeout> | undefined
let polling: ReturnType<typeof setInterval> | undefined
let heard: Client | undefined

function tell(uri: string): void {
  for (const listener of listeners.get(uri) ?? []) listener()
}

function tellAll(): void {
  for (const uri of listeners.keys()) tell(uri)
}

/** Opens the stream anew for what is listened to now; until it is there, everything is looked at by itself. */
function reopen(afterMs: number): void {
  clearTimeout(opening)
  opening = setTimeout(() => void open(), afterMs)
}

async function open(): Promise<void> {
  const old = stream
  stream = undefined
  void old?.close()
  poll(true)
  if (listeners.size === 0) {
    poll(false)
    return
  }
  try {
    const made = await client()
    if (heard !== made) {
      made.setNotificationHandler('notifications/resources/updated', ({ params }) => tell(params.uri))
      heard = made
    }
    const opened = await made.listen({ resourceSubscriptions: [...listeners.keys()].slice(0, MOST) })
    stream = opened
    failures = 0
    source.value = 'stream'
    poll(listeners.size > MOST)
    // What happened while nobody told us.
    tellAll()
    void opened.closed.then((how) => {
      if (stream !== opened) return
      stream = undefined
      // Streams end with their token, every minute or so: that is no failure.
      if (how !== 'local') reopen(0)
    })
  } catch {
    source.value = 'polling'
    reopen(AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)] ?? 0)
  }
}

function poll(yes: boolean): void {
  if (!yes) {
    clearInterval(polling)
    polling = undefined
  } else {
    polling ??= setInterval(tellAll, POLL_MS)
  }
}

/** Calls `news` when the resource may have changed, and once at the beginning. */
export function useNews(uri: MaybeRefOrGetter<string | undefined>, news: () => void): void {
  let current: string | undefined
  const stop = watch(
    () => toValue(uri),
    (now) => {
      if (current) forget(current, news)
      current = now
      if (!now) return
      const there = listeners.get(now) ?? new Set()
      there.add(news)
      listeners.set(now, there)
      news()
      reopen(30)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    stop()
    if (current) forget(current, news)
  })
}

function forget(uri: string, news: () => void): void {
  const there = listeners.get(uri)
  there?.delete(news)
  if (there?.size === 0) listeners.delete(uri)
  reopen(200)
}

// A laptop that slept, a network that came back: look at once, not at the next tick.
if (typeof window !== 'undefined') {
  window.addEventListener('online', () => reopen(0))
  window.addEventListener('offline', () => reachable(false))
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') tellAll()
  })
}
