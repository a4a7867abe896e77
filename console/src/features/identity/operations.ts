import { OPERATIONS } from './operations.gen'

/** What operations are about, by the noun that their names begin with; the order is that of the console's screens. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  Runs: ['run', 'wait', 'question', 'effect'],
  'Issues and pull requests': ['issue', 'pull'],
  Repositories: ['repository'],
  Slots: ['slot', 'environment'],
  Deliveries: ['delivery'],
  Knowledge: ['knowledge'],
  'Agents and prompts': ['agent', 'prompt', 'model', 'trigger'],
  Project: ['project', 'stats', 'member', 'secret', 'service'],
  Yourself: ['inbox', 'token', 'session', 'principal', 'access'],
  Audit: ['audit'],
  Platform: ['user', 'setting', 'worker', 'job', 'platform', 'supervisor'],
}

export interface Operation {
  name: string
  words: string
}

/** All that may be allowed or not, by what it is about. What is in no group yet is in one of its own. */
export function groupedOperations(): [group: string, operations: Operation[]][] {
  const groups = new Map<string, Operation[]>(Object.keys(GROUPS).map((group) => [group, []]))
  for (const [name, words] of Object.entries(OPERATIONS)) {
    const noun = name.split('_')[0] ?? ''
    const group = Object.keys(GROUPS).find((it) => GROUPS[it]?.includes(noun)) ?? 'Other'
    groups.set(group, [...(groups.get(group) ?? []), { name, words }])
  }
  return [...groups].filter(([, operations]) => operations.length > 0)
}
