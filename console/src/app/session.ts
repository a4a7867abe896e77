import { computed } from 'vue'
import { useTool } from '../mcp/use'

/** Who looks at this, and what they may do somewhere. */
export function usePrincipal() {
  const query = useTool('principal_get', {})
  const operations = computed(() => new Set(query.data.value?.operations))
  const signedOut = computed(() => query.error.value?.code === 'unauthenticated')
  return { ...query, operations, signedOut }
}
