/** One line of a log, with its number and where it began. */
export interface LogLine {
  number: number
  text: string
}

/** Bytes of a line that is shown; a program may write a megabyte without an end of line. */
const LONGEST = 4_000

/**
 * Cuts text that comes in pieces into lines. What comes last may go on, so it is held back until its end is seen, or the
 * end of everything. A line that a program wrote over (a progress bar) is shown as it was last.
 */
export function lines(): (piece: string, complete: boolean) => LogLine[] {
  let open = ''
  let number = 0
  return (piece, complete) => {
    const parts = (open + piece).split('\n')
    open = parts.pop() ?? ''
    if (complete && open !== '') {
      parts.push(open)
      open = ''
    }
    return parts.map((part) => ({ number: ++number, text: shown(part) }))
  }
}

function shown(line: string): string {
  const text = line.replace(/\r+$/, '')
  const last = text.slice(text.lastIndexOf('\r') + 1)
  return last.length > LONGEST ? `${last.slice(0, LONGEST)}… (${last.length - LONGEST} more)` : last
}
