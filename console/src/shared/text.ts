/** Letters that are not seen but change what is: directions, joiners, controls. Newline and tab stay. */
// oxlint-disable-next-line no-control-regex -- controls are what is looked for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu

/** Text of others as it is: what would hide or turn around is shown by its number. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (letter) => `\u27e8U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`)
}

/** What a program said, outside of a log: its colours are left out, everything else is as it is. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is looked for
  return visible(text.replace(/\u001b\[[0-9;:]*m/g, ''))
}

/** Words of the platform as a sentence. */
export function sentence(text: string): string {
  const whole = text.trim()
  return `${whole.charAt(0).toUpperCase()}${whole.slice(1)}${/[.!?]$/.test(whole) ? '' : '.'}`
}

/** An address that may be a link: https, or http where the page itself is. Everything else stays text. */
export function safeUrl(url: string | undefined): string | undefined {
  if (!url) return undefined
  try {
    const { protocol, username, password } = new URL(url)
    const fits = protocol === 'https:' || (protocol === 'http:' && globalThis.location?.protocol === 'http:')
    return fits && !username && !password ? url : undefined
  } catch {
    return undefined
  }
}
