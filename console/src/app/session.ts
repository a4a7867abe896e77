import { computed } from 'vue'
import { ownCsrfToken } from '../mcp/cookies'
import { useTool } from '../mcp/use'

/** Who looks at this, and what they may do somewhere. Without a session's cookie the platform is not even asked. */
export function usePrincipal() {
  const hasSession = ownCsrfToken() !== undefined
  const query = useTool('principal_get', {}, { enabled: hasSession })
  const operations = computed(() => new Set(query.data.value?.operations))
  const signedOut = computed(() => !hasSession || query.error.value?.code === 'unauthenticated')
  return { ...query, operations, signedOut }
}
