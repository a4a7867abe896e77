/** What may be looked at of something that has versions: each of its own, the newest first. */
export const versionsOf = (newest: number): number[] => Array.from({ length: newest }, (_, at) => newest - at)

/** `person:octocat` as people say it. */
export const byOf = (actor: string | undefined): string => (actor ?? '').replace(/^person:/, '').replace(/^system:.*/, 'the platform')
