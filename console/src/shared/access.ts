import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { useTool } from '../mcp/use'
import { words } from './format'

/** An operation in a project or on a run; with neither, of the platform. */
export type Right = { operation: string } & ({ project_id: string } | { run_id: string } | { project_id?: never; run_id?: never })

const list = (names: readonly string[]) => names.map((name) => words(name).toLowerCase()).join(' or ')

/** Whether I may, as the platform decides it; and if not, which role is missing and who can grant it. */
export function useMay(right: MaybeRefOrGetter<Right | undefined>) {
  const { data } = useTool('access_explain', () => toValue(right) ?? { operation: 'principal_read' }, {
    enabled: () => toValue(right) !== undefined,
  })
  const allowed = computed(() => data.value?.allowed)
  const why = computed(() => {
    const said = data.value
    if (!said || said.allowed) return undefined
    const may = said.who_may.length > 0 ? said.who_may : said.who_may_sometimes.map((rule) => rule.split(':')[0] ?? rule)
    const grant = said.who_grants.length > 0 ? ` Who is ${list(said.who_grants)} can grant it.` : ''
    return may.length > 0 ? `Needs the role ${list(may)}.${grant}` : `${said.because}.`
  })
  return { allowed, why }
}
