import { computed } from 'vue'
import { useTool } from '../mcp/use'
import { useProject } from './project'

/** Names of the people of this project, for those who may see its members; else who it was stays a word. */
export function usePeople() {
  const { project } = useProject()
  const { data } = useTool('member_list', () => ({ project_id: project.value?.project_id ?? '', limit: 100 }), {
    enabled: () => project.value !== undefined,
  })
  const logins = computed(() => new Map(data.value?.members.map((it) => [it.person_id, it.login])))
  const nameOf = (person: string | undefined) =>
    person === undefined ? 'A program' : (logins.value.get(person) ?? 'A person')
  return { nameOf, logins }
}
