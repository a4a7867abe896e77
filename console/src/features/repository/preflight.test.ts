import { expect, test } from 'vitest'
import { verdict, worstFirst, type Check } from './preflight'

const check = (standing: Check['standing'], subject: Check['subject'] = 'labels'): Check => ({ standing, subject, finding: 'so' })

test('the worst comes first, and what is alike keeps its order', () => {
  const found = worstFirst([check('good'), check('warning', 'labels'), check('broken'), check('warning', 'events'), check('unknown')])
  expect(found.map((it) => it.standing)).toEqual(['broken', 'unknown', 'warning', 'warning', 'good'])
  expect(found[2]?.subject).toBe('labels')
})

test('one sentence for the report', () => {
  expect(verdict([check('broken'), check('warning')])).toEqual({ standing: 'broken', words: '1 thing keeps runs from working here.' })
  expect(verdict([check('unknown'), check('good')]).standing).toBe('unknown')
  expect(verdict([check('warning'), check('warning')]).words).toBe('Runs work here. 2 things could be better.')
  expect(verdict([check('good')]).standing).toBe('good')
})
