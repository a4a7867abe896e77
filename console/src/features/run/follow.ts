import { useQueryClient } from '@tanstack/vue-query'
import { onScopeDispose, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue'
import { call, type Output } from '@/mcp/client'
import { broken, type ToolError } from '@/mcp/error'
import { Follower } from '@/shared/follow'
import { useNews } from '@/shared/live'
import { lines, type LogLine } from '@/shared/log'
import type { RunEvent } from './timeline'

const AGAIN_MS = 2_000

/** Keeps a follower for the run that is looked at, poked by its news and, after a failed read, by itself. */
function useFollower<Item, Cursor>(
  run: MaybeRefOrGetter<string>,
  about: MaybeRefOrGetter<string>,
  make: (take: (items: Item[]) => void) => Follower<Item, Cursor>,
) {
  const items = shallowRef<Item[]>([])
  const error = shallowRef<ToolError>()
  const ready = shallowRef(false)
  let follower: Follower<Item, Cursor> | undefined
  let again: ReturnType<typeof setTimeout> | undefined

  async function poke(): Promise<void> {
    const mine = follower
    try {
      await mine?.poke()
      if (mine !== follower) return
      error.value = undefined
      ready.value = true
    } catch (cause) {
      if (mine !== follower) return
      error.value = broken('', '', cause)
      clearTimeout(again)
      if (error.value.passes) again = setTimeout(() => void poke(), AGAIN_MS)
    }
  }

  watch(
    () => toValue(about),
    () => {
      follower?.stop()
      items.value = []
      ready.value = false
      error.value = undefined
      follower = make((more) => (items.value = [...items.value, ...more]))
      void poke()
    },
    { immediate: true },
  )
  useNews(() => `run://${toValue(run)}`, () => void poke())
  onScopeDispose(() => {
    follower?.stop()
    clearTimeout(again)
  })
  return { items, error, ready, retry: poke }
}

/** All events of a run, as they come. */
export function useEvents(run: MaybeRefOrGetter<string>) {
  return useFollower<RunEvent, number>(run, run, (take) => {
    const run_id = toValue(run)
    const read = async (after: number) => {
      const page = await call('run_event_list', { run_id, after })
      return { items: page.events, next: page.next_after, complete: page.complete }
    }
    return new Follower(0, read, take)
  })
}

export type Stream = Output<'run_log_tail'>['stream']

/** The log of one turn, line by line, as it comes. */
export function useLog(run: MaybeRefOrGetter<string>, turn: MaybeRefOrGetter<number>, stream: MaybeRefOrGetter<Stream>) {
  const about = () => `${toValue(run)} ${toValue(turn)} ${toValue(stream)}`
  return useFollower<LogLine, number>(run, about, (take) => {
    const asked = { run_id: toValue(run), turn: toValue(turn), stream: toValue(stream) }
    const split = lines()
    const read = async (after: number) => {
      const piece = await call('run_log_tail', { ...asked, after })
      return { items: split(piece.text, piece.complete), next: piece.next_after, complete: piece.complete }
    }
    return new Follower(0, read, take)
  })
}

/** Reads a run again whenever something happened to it. */
export function useRunNews(run: MaybeRefOrGetter<string>): void {
  const cache = useQueryClient()
  useNews(
    () => `run://${toValue(run)}`,
    () => {
      for (const tool of ['run_get', 'run_explain', 'run_usage_get', 'run_change_list', 'effect_list'] as const) {
        void cache.invalidateQueries({
          predicate: ({ queryKey }) =>
            queryKey[0] === tool && (queryKey[1] as { run_id?: string } | undefined)?.run_id === toValue(run),
        })
      }
    },
  )
}
