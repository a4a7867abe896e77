import type { Output } from '@/mcp/client'

export type Check = Output<'repository_preflight'>['checks'][number]
type Standing = Check['standing']

const ORDER: readonly Standing[] = ['broken', 'unknown', 'warning', 'good']

/** The worst first: what keeps runs from working is read before what is well. */
export const worstFirst = (checks: readonly Check[]): Check[] =>
  checks.toSorted((one, other) => ORDER.indexOf(one.standing) - ORDER.indexOf(other.standing))

/** One sentence for the whole report. */
export function verdict(checks: readonly Check[]): { standing: Standing; words: string } {
  const count = (standing: Standing) => checks.filter((it) => it.standing === standing).length
  const things = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`
  if (count('broken') > 0) return { standing: 'broken', words: `${things(count('broken'), 'thing keeps', 'things keep')} runs from working here.` }
  if (count('unknown') > 0) return { standing: 'unknown', words: `${things(count('unknown'), 'thing', 'things')} could not be looked at.` }
  if (count('warning') > 0) return { standing: 'warning', words: `Runs work here. ${things(count('warning'), 'thing', 'things')} could be better.` }
  return { standing: 'good', words: 'Runs work here, and nothing is to be done.' }
}
