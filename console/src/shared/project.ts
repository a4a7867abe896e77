import { computed } from 'vue'
import { useRoute } from 'vue-router'
import { useTool } from '../mcp/use'
import type { Output } from '../mcp/client'

export type Project = Output<'project_list'>['projects'][number]
export type Repository = Output<'repository_list'>['repositories'][number]

/** The projects I see. */
export function useProjects() {
  return useTool('project_list', { limit: 100 }, { every: 60_000 })
}

/** The project of the address; its slug is what people read. */
export function useProject() {
  const route = useRoute()
  const query = useProjects()
  const slug = computed(() => String(route.params.project ?? ''))
  const project = computed(() => query.data.value?.projects.find((it) => it.slug === slug.value))
  const missing = computed(() => query.data.value !== undefined && slug.value !== '' && !project.value)
  return { ...query, slug, project, missing }
}

/** The repositories of the project of the address, by id. */
export function useRepositories() {
  const { project } = useProject()
  const query = useTool('repository_list', () => ({ project_id: project.value?.project_id, limit: 100 }), {
    enabled: () => project.value !== undefined,
  })
  const repositories = computed(() => query.data.value?.repositories ?? [])
  const byId = computed(() => new Map(repositories.value.map((it) => [it.repository_id, it])))
  const nameOf = (id: string) => {
    const repository = byId.value.get(id)
    return repository ? `${repository.owner}/${repository.name}` : ''
  }
  return { ...query, repositories, byId, nameOf }
}
