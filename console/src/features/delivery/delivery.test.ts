import { expect, test } from 'vitest'
import { eventOf, pretty, whyOf } from './delivery'

test('an event says what happened', () => {
  expect(eventOf({ event: 'issues', action: 'labeled' })).toBe('issues labeled')
  expect(eventOf({ event: 'pull_request_review', action: 'submitted' })).toBe('pull request review submitted')
  expect(eventOf({ event: 'push' })).toBe('push')
})

test('a reason and its detail', () => {
  expect(whyOf({ reason: 'own_event', detail: 'the App itself' })).toBe('Own event: the App itself')
  expect(whyOf({ reason: 'no_rule' })).toBe('No rule')
  expect(whyOf({ reason: 'unknown_sender', detail: 'label run:dev by sam', sender_login: 'sam' })).toBe('Unknown sender: label run:dev')
  expect(whyOf({ reason: 'own_event', detail: 'by bot', sender_login: 'bot' })).toBe('Own event')
  expect(whyOf({ detail: 'only this' })).toBe('Only this')
  expect(whyOf({})).toBe('')
})

test('a payload that is no JSON, or was cut, stays as it came', () => {
  expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}')
  expect(pretty('{"a":')).toBe('{"a":')
})
