import { expect, test } from 'vitest'
import { painter } from './ansi'

const paint = painter()

test.each([
  ['plain', 'plain'],
  ['\u001b[31mred\u001b[0m', '<span class="ansi-red-fg">red</span>'],
  ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  ['\u001b[31m<img src=x onerror=alert(1)>', '<span class="ansi-red-fg">&lt;img src=x onerror=alert(1)&gt;</span>'],
  ['a\u202eb', 'a⟨U+202E⟩b'],
  ['\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007', '⟨U+001B⟩]8;;javascript:alert(1)⟨U+0007⟩click⟨U+001B⟩]8;;⟨U+0007⟩'],
  ['\u001b[2Jgone', '⟨U+001B⟩[2Jgone'],
  ['\u001b[1;4;31mx\u001b[0m', '<span class="ansi-bold ansi-underline ansi-red-fg">x</span>'],
  ['\u001b[38;2;1;2;3mx\u001b[0m', '<span class="">x</span>'],
  ['style="color:red"', 'style=&quot;color:red&quot;'],
  ['https://evil.example', 'https://evil.example'],
])('%j is painted as %s', (line, html) => expect(paint(line)).toBe(html))

test('a colour that is left open ends with its line', () => {
  paint('\u001b[31mred')
  expect(paint('plain')).toBe('plain')
})
