/** A span as people say it: two units at most, and the smaller one only while it matters. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds === 0 && ms > 0) return '<1s'
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 && minutes < 10 ? `${minutes}m ${seconds % 60}s` : `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 ? `${hours}h ${minutes % 60}m` : `${hours}h`
  const days = Math.floor(hours / 24)
  return hours % 24 && days < 7 ? `${days}d ${hours % 24}h` : `${days}d`
}

/** How long ago, in one unit. */
export function ago(then: number, now: number): string {
  const seconds = Math.round((now - then) / 1_000)
  if (seconds < -5) return `in ${unit(-seconds)}`
  if (seconds < 5) return 'just now'
  return `${unit(seconds)} ago`
}

function unit(seconds: number): string {
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** The moment itself. */
export function exact(moment: number | string, utc: boolean): string {
  const date = new Date(moment)
  if (utc) return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const pad = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
}

/** Millionths of a dollar as money: cents from a dollar on, more below. */
export function money(microUsd: number): string {
  const usd = microUsd / 1_000_000
  if (usd === 0) return '$0'
  if (usd < 0.0001) return '<$0.0001'
  return `$${usd.toFixed(usd >= 1 ? 2 : usd >= 0.01 ? 3 : 4)}`
}

export function count(value: number): string {
  if (value < 10_000) return value.toLocaleString('en-US')
  if (value < 999_500) return `${(value / 1_000).toFixed(value < 99_950 ? 1 : 0)}k`
  return `${(value / 1_000_000).toFixed(1)}M`
}

/** `pull_request` as people read it. */
export function words(name: string): string {
  const text = name.replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Words of the platform as a sentence of their own. */
export const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

export const shortId = (id: string) => id.slice(-8)
export const shortSha = (sha: string) => sha.slice(0, 7)
