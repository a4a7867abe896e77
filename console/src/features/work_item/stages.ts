import type { Output } from '@/mcp/client'

type Run = Output<'run_get'>

/** The order in which an issue is worked on; a project may have others, they come last. */
const ORDER = ['intake', 'vision', 'prd', 'arch', 'design', 'plan', 'dev', 'doc-audit', 'qa', 'release', 'postdeploy', 'ops', 'self-improve']
const place = (stage: string) => (ORDER.includes(stage) ? ORDER.indexOf(stage) : ORDER.length)

/** A stage of an issue, and the newest run of it. */
export interface Step {
  stage: string
  run?: Run
  /** Comes after the last stage that succeeded: what most people start now. */
  next: boolean
}

/** All stages that agents work on, with what became of them. `runs` are the newest first. */
export function steps(stages: readonly string[], runs: readonly Run[]): Step[] {
  const names = [...new Set([...stages, ...runs.map((run) => run.stage)])].toSorted(
    (one, other) => place(one) - place(other) || one.localeCompare(other),
  )
  const newest = (stage: string) => runs.find((run) => run.stage === stage)
  const done = names.findLastIndex((stage) => newest(stage)?.state === 'succeeded')
  return names.map((stage, at) => ({ stage, run: newest(stage), next: done >= 0 && at === done + 1 }))
}
