import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** Whether the window is as a media query says, for what style alone cannot do. */
export function useMedia(query: string): Readonly<Ref<boolean>> {
  const list = matchMedia(query)
  const fits = ref(list.matches)
  const look = () => (fits.value = list.matches)
  list.addEventListener('change', look)
  onScopeDispose(() => list.removeEventListener('change', look))
  return readonly(fits)
}
