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
