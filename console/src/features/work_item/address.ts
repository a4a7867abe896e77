import type { Repository } from '@/shared/project'

type Named = Pick<Repository, 'owner' | 'name' | 'clone_url'>

/** Where people see the repository: at the host it is cloned from. */
export function webUrl({ owner, name, clone_url }: Named): string | undefined {
  try {
    return `${new URL(clone_url).origin}/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`
  } catch {
    return undefined
  }
}

export const issuesUrl = (repository: Named) => {
  const base = webUrl(repository)
  return base && `${base}/issues`
}
export const issueUrl = (repository: Named, number: number) => {
  const base = webUrl(repository)
  return base && `${base}/issues/${number}`
}
export const branchUrl = (repository: Named, branch: string) => {
  const base = webUrl(repository)
  return base && `${base}/tree/${branch.split('/').map(encodeURIComponent).join('/')}`
}
