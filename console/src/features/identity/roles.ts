import { words } from '@/shared/format'

/** The roles in a project, the widest last; and what each is for, in a few words. */
export const ROLES = {
  viewer: 'Looks at everything but prompts',
  contributor: 'Starts runs, and looks after their own',
  reviewer: 'Judges what agents made, answers and stops them',
  maintainer: 'Looks after repositories, agents and rules',
  admin: 'All that, and members, limits and secrets',
} as const
export type Role = keyof typeof ROLES
export const ROLE_NAMES = Object.keys(ROLES) as Role[]

export const PLATFORM_ROLES = {
  operator: 'Keeps the platform working; reads no text of projects',
  auditor: 'Looks at everything, changes nothing',
  owner: 'May everything, everywhere',
} as const
export type PlatformRole = keyof typeof PLATFORM_ROLES
export const PLATFORM_ROLE_NAMES = Object.keys(PLATFORM_ROLES) as PlatformRole[]

const CONDITIONS: Readonly<Record<string, string>> = {
  yes: '',
  '-': 'who may not',
  own: 'on what they started',
  see: 'to look at',
  second_person: 'but not on what they caused themselves',
  ask: 'with another person’s approval',
}

/** `contributor: own` as people say it. */
export function ruleWords(rule: string): string {
  const [role = '', condition = 'yes'] = rule.split(': ')
  const said = CONDITIONS[condition] ?? words(condition).toLowerCase()
  return said ? `${words(role)}, ${said}` : words(role)
}
