import { onScopeDispose, readonly, ref, type Ref } from 'vue'

const now = ref(Date.now())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time, once a second for as long as somebody looks: durations tick, and one timer serves all. */
export function useNow(): Readonly<Ref<number>> {
  now.value = Date.now()
  watchers += 1
  timer ??= setInterval(() => (now.value = Date.now()), 1_000)
  onScopeDispose(() => {
    watchers -= 1
    if (watchers > 0) return
    clearInterval(timer)
    timer = undefined
  })
  return readonly(now)
}
