import { onScopeDispose, shallowReactive, type Component } from 'vue'

/** Something the palette offers. */
export interface Command {
  id: string
  title: string
  /** Where it belongs: a heading of the list. */
  group: string
  icon?: Component
  keys?: string
  /** More words to find it by. */
  also?: string
  act: () => void
}

const sources = shallowReactive(new Set<() => readonly Command[]>())

/** Offers commands for as long as the caller lives; they are asked for when the palette opens. */
export function useCommands(source: () => readonly Command[]): void {
  sources.add(source)
  onScopeDispose(() => sources.delete(source))
}

export const allCommands = (): Command[] => [...sources].toReversed().flatMap((source) => source())

/** How well a command fits what was typed; nothing when it does not. Each word must be found somewhere. */
export function fit(command: Pick<Command, 'title' | 'group' | 'also'>, typed: string): number | undefined {
  const title = command.title.toLowerCase()
  const rest = `${command.group} ${command.also ?? ''}`.toLowerCase()
  let score = 0
  for (const word of typed.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = title.indexOf(word)
    if (at === 0) score += 4
    else if (at > 0) score += title[at - 1] === ' ' ? 3 : 1
    else if (rest.includes(word)) score += 1
    else return undefined
  }
  return score
}
