import type { Source } from './tools'

/** Who finds the text of a repository. */
export const FINDERS: Readonly<Record<Source['visible_to'], string>> = {
  project: 'Everybody who may search in the project',
  github_readers: 'Of those, who may read it at GitHub now',
}

const MODEL_STATES: Readonly<Record<Source['models'][number]['state'], string>> = {
  building: 'reading, serves when it is done',
  serving: 'serves',
  retired: 'retired',
}

/** A model that reads a source, in words. */
export function modelWords(model: Source['models'][number], count: (value: number) => string): string {
  const left = model.unembedded > 0 ? `, ${count(model.unembedded)} parts to go` : ''
  return `${model.name}: ${MODEL_STATES[model.state]}${left}${model.external ? '; text leaves the cluster' : ''}`
}
