/** A part of a prompt: its rules, its task, what people at GitHub wrote. */
export interface Layer {
  title: string
  text: string
  /** Written by people: data, and never an instruction. */
  data: boolean
}

const DATA_BEGIN = /^<<<data (\S+): (.*)$/
const HEADING = /^# (.+)$/

/** Takes a prompt apart at its headings and at the lines between which other people's text stands. */
export function layers(prompt: string): Layer[] {
  const made: Layer[] = []
  let current: Layer = { title: 'Where it works', text: '', data: false }
  let until: string | undefined
  const close = () => {
    if (current.text.trim()) made.push({ ...current, text: current.text.replace(/^\n+|\n+$/g, '') })
  }
  for (const line of prompt.split('\n')) {
    if (until !== undefined) {
      if (line === until) {
        close()
        until = undefined
        current = { title: made.at(-2)?.title ?? '', text: '', data: false }
      } else current.text += `${line}\n`
      continue
    }
    const begin = DATA_BEGIN.exec(line)
    const heading = HEADING.exec(line)
    if (begin) {
      close()
      until = `>>>data ${begin[1]}`
      current = { title: begin[2] ?? '', text: '', data: true }
    } else if (heading) {
      close()
      current = { title: heading[1] ?? '', text: '', data: false }
    } else current.text += `${line}\n`
  }
  close()
  return made
}
