import { expect, test } from 'vitest'
import { groupedOperations } from './operations'
import { OPERATIONS } from './operations.gen'

test('every operation of the matrix is in one group, and no group is a leftover', () => {
  const groups = groupedOperations()
  expect(groups.flatMap(([, operations]) => operations.map((it) => it.name)).toSorted()).toEqual(Object.keys(OPERATIONS).toSorted())
  expect(groups.map(([group]) => group)).not.toContain('Other')
})
