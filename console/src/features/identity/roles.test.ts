import { expect, test } from 'vitest'
import { ruleWords } from './roles'

test('a rule of the table as people say it', () => {
  expect(ruleWords('maintainer: yes')).toBe('Maintainer')
  expect(ruleWords('contributor: own')).toBe('Contributor, on what they started')
  expect(ruleWords('maintainer: second_person')).toBe('Maintainer, but not on what they caused themselves')
  expect(ruleWords('viewer: -')).toBe('Viewer, who may not')
  expect(ruleWords('admin')).toBe('Admin')
  expect(ruleWords('viewer: some_day')).toBe('Viewer, some day')
})
