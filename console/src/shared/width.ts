import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** How wide an element is now. */
export function useWidth(element: Readonly<Ref<HTMLElement | null>>): Readonly<Ref<number>> {
  const width = ref(0)
  const observer = new ResizeObserver(([entry]) => (width.value = entry?.contentRect.width ?? 0))
  watch(element, (now, before) => {
    if (before) observer.unobserve(before)
    if (now) observer.observe(now)
  })
  onScopeDispose(() => observer.disconnect())
  return width
}
