import type { Input, Output } from '@/mcp/client'

export type Profile = Output<'agent_list'>['agents'][number]

const lines = (text: string) => text.split('\n').map((it) => it.trim()).filter(Boolean)

/** A profile as text, a line for each thing, so that two of them compare line by line. */
export function asText(profile: Profile): string {
  const rows: [string, string | number | undefined][] = [
    ['adapter', profile.adapter],
    ['model', profile.model],
    ['effort', profile.effort],
    ['output', profile.output],
    ['cpu', profile.cpu],
    ['memory', profile.memory],
    ['active_seconds', profile.active_seconds],
    ['runtime_class', profile.runtime_class],
    ...profile.command.map((it): [string, string] => ['command', it]),
    ...Object.entries(profile.environment).map(([name, value]): [string, string] => ['environment', `${name}=${value}`]),
    ...profile.write_include.map((it): [string, string] => ['may write', it]),
    ...profile.write_exclude.map((it): [string, string] => ['never writes', it]),
  ]
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])).join('\n')
}

/** A profile as a form holds it: lists as lines of text; a command as its arguments, which have lines of their own. */
export interface Form {
  adapter: Profile['adapter']
  model: string
  effort: string
  output: Profile['output']
  cpu: string
  memory: string
  minutes: number | ''
  runtime_class: string
  command: string[]
  environment: string
  write_include: string
  write_exclude: string
}

export const toForm = (profile: Profile): Form => ({
  adapter: profile.adapter,
  model: profile.model ?? '',
  effort: profile.effort ?? '',
  output: profile.output,
  cpu: profile.cpu,
  memory: profile.memory,
  minutes: profile.active_seconds === undefined ? '' : Math.round(profile.active_seconds / 60),
  runtime_class: profile.runtime_class ?? '',
  command: [...profile.command],
  environment: Object.entries(profile.environment)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n'),
  write_include: profile.write_include.join('\n'),
  write_exclude: profile.write_exclude.join('\n'),
})

/** What the form asks for. An argument of a command stays as it stands, blanks and all. */
export function fromForm(form: Form): Omit<Input<'agent_update'>, 'stage' | 'project_id' | 'version'> {
  const pairs = lines(form.environment).map((it): [string, string] => {
    const at = it.indexOf('=')
    return at < 0 ? [it, ''] : [it.slice(0, at), it.slice(at + 1)]
  })
  return {
    adapter: form.adapter,
    model: form.model,
    effort: form.effort,
    output: form.output,
    cpu: form.cpu.trim(),
    memory: form.memory.trim(),
    active_seconds: form.minutes === '' ? 0 : form.minutes * 60,
    runtime_class: form.runtime_class.trim(),
    ...(form.adapter === 'command' ? { command: form.command.filter((it) => it !== '') } : {}),
    environment: Object.fromEntries(pairs),
    write_include: lines(form.write_include),
    write_exclude: lines(form.write_exclude),
  }
}
