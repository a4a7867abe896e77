import { statusOf } from '@/shared/status'
import { isOver, reasonOf, taskOf, type Run } from './run'

export interface Notice {
  run: Run
  title: string
  text: string
}

/** What is worth a notice: a run that ended, or began to wait for a person, since one looked last at `since`. */
export function notices(before: ReadonlyMap<string, Run['state']>, runs: readonly Run[], since: number): Notice[] {
  return runs
    .filter((run) => {
      const was = before.get(run.run_id)
      // A short one begins and ends between two looks.
      const news = was === undefined ? Date.parse(run.created_at) > since : was !== run.state
      return news && (isOver(run) || run.state === 'waiting')
    })
    .map((run) => ({
      run,
      title: run.state === 'waiting' ? 'A run waits for you' : `${statusOf('run', run.state).word}: ${taskOf(run)}${run.number ? ` #${run.number}` : ''}`,
      text: reasonOf(run) ?? run.branch,
    }))
}
