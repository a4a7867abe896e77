/** A piece of text, and whether it is one of the words that were found. */
export interface Piece {
  text: string
  hit: boolean
}

const escaped = (word: string) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Shorter words stand everywhere: marking them shows nothing. */
const SHORTEST = 3

/** Cuts a text at the words that were found in it, whatever their case; parts of other words are none. */
export function mark(text: string, words: readonly string[]): Piece[] {
  const wanted = words.filter((it) => it.trim().length >= SHORTEST).toSorted((one, other) => other.length - one.length)
  if (wanted.length === 0) return text ? [{ text, hit: false }] : []
  const parts = text.split(new RegExp(`(?<![\\p{L}\\p{N}_])(${wanted.map(escaped).join('|')})(?![\\p{L}\\p{N}_])`, 'giu'))
  return parts.flatMap((part, at) => (part === '' ? [] : [{ text: part, hit: at % 2 === 1 }]))
}

/** How far an index is behind, in words. */
export function lagOf(seconds: number | undefined, duration: (ms: number) => string): string {
  if (seconds === undefined) return 'not read yet'
  return seconds < 1 ? 'up to date' : `${duration(seconds * 1_000)} behind`
}
