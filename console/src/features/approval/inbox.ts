import type { Output } from '@/mcp/client'

type Run = Output<'run_get'>
type Repository = Output<'repository_list'>['repositories'][number]

/** Something that waits for me, and what most people do about it. */
export type Item =
  | { key: string; at: string; kind: 'failed'; run: Run }
  | { key: string; at: string; kind: 'waiting'; run: Run }
  | { key: string; at: string; kind: 'repository'; repository: Repository }

/** A failed run is old news after this long. */
const RECENT_MS = 14 * 86_400_000

/**
 * What waits for a person: runs of mine that failed and were not tried again since, runs that wait for an answer, and
 * repositories where the platform may not work any more. The newest first, without what was put aside.
 */
export function inbox(
  me: string | undefined,
  runs: readonly Run[],
  repositories: readonly Repository[],
  aside: ReadonlySet<string>,
  now: number,
): Item[] {
  const retried = new Set(runs.flatMap((run) => (run.retry_of ? [run.retry_of] : [])))
  const later = (run: Run) =>
    runs.some((it) => it.run_id > run.run_id && run.number !== undefined && it.repository_id === run.repository_id && it.number === run.number)
  const items: Item[] = []
  for (const run of runs) {
    const key = run.run_id
    if (run.state === 'waiting') items.push({ key, at: run.state_since, kind: 'waiting', run })
    const failed = run.state === 'failed' || run.state === 'timed_out'
    const recent = now - Date.parse(run.state_since) < RECENT_MS
    if (failed && recent && run.started_by !== undefined && run.started_by === me && !retried.has(key) && !later(run)) {
      items.push({ key, at: run.state_since, kind: 'failed', run })
    }
  }
  for (const repository of repositories) {
    if (!repository.suspension || repository.detached_at) continue
    items.push({ key: `${repository.repository_id} ${repository.suspension}`, at: repository.created_at, kind: 'repository', repository })
  }
  return items.filter((item) => !aside.has(item.key)).toSorted((one, other) => other.at.localeCompare(one.at))
}

export type { Repository, Run }
