import { expect, test } from 'vitest'
import { plain, safeUrl, sentence, visible } from './text'

test.each([
  ['plain ünïcode 漢字 🎉', 'plain ünïcode 漢字 🎉'],
  ['a\u202eb', 'a⟨U+202E⟩b'],
  ['a\u200bb', 'a⟨U+200B⟩b'],
  ['a\u0000b\u001b[31m', 'a⟨U+0000⟩b⟨U+001B⟩[31m'],
  ['a\u{e0041}b', 'a⟨U+E0041⟩b'],
  ['line\n\ttab', 'line\n\ttab'],
])('%j is seen as %j', (text, seen) => expect(visible(text)).toBe(seen))

test.each([
  ['https://github.com/a/b', true],
  ['javascript:alert(1)', false],
  ['data:text/html,x', false],
  ['https://github.com@evil.example/', false],
  ['//evil.example', false],
  ['http://127.0.0.1/', false],
  [undefined, false],
])('%s as a link: %s', (url, yes) => expect(safeUrl(url) !== undefined).toBe(yes))

test.each([
  ['\u001b[1;31mred\u001b[0m', 'red'],
  ['a\u202eb\u001b[2J', 'a⟨U+202E⟩b⟨U+001B⟩[2J'],
])('%j is plainly %j', (text, seen) => expect(plain(text)).toBe(seen))

test.each([
  ['its log says why.', 'Its log says why.'],
  ['wait', 'Wait.'],
])('%j as a sentence', (text, said) => expect(sentence(text)).toBe(said))
