import type { Output } from '@/mcp/client'

export type VersionLine = Output<'agent_version_list'>['versions'][number]

/** `person:octocat` as people say it. */
export const byOf = (actor: string | undefined): string => (actor ?? '').replace(/^(person|service):/, '').replace(/^system:.*/, 'the platform')

/** A version in a list of them. */
export const lineOf = ({ version, state, written_by }: VersionLine): string => `${version}: ${state}, by ${byOf(written_by)}`
