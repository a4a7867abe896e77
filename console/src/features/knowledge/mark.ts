/** A piece of text, and whether it is one of the words that were found. */
export interface Piece {
  text: string
  hit: boolean
}

const escaped = (word: string) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Cuts a text at the words that were found in it, whatever their case. */
export function mark(text: string, words: readonly string[]): Piece[] {
  const wanted = words.filter((it) => it.trim() !== '').toSorted((one, other) => other.length - one.length)
  if (wanted.length === 0) return text ? [{ text, hit: false }] : []
  const parts = text.split(new RegExp(`(${wanted.map(escaped).join('|')})`, 'giu'))
  return parts.flatMap((part, at) => (part === '' ? [] : [{ text: part, hit: at % 2 === 1 }]))
}

/** How far an index is behind, in words. */
export function lagOf(seconds: number | undefined, duration: (ms: number) => string): string {
  if (seconds === undefined) return 'not read yet'
  return seconds < 1 ? 'up to date' : `${duration(seconds * 1_000)} behind`
}
