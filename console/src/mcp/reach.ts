import { readonly, ref } from 'vue'

const since = ref<number>()

/** Since when the platform does not answer; nothing while it does. */
export const unreachableSince = readonly(since)

/** Told after every request. */
export function reachable(yes: boolean): void {
  if (yes) since.value = undefined
  else since.value ??= Date.now()
}
