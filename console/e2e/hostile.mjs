// Texts that want to be more than text.
const scripts = [
  '<script>window.pwned=1</script>',
  '"><script>window.pwned=1</script>',
  '<img src=x onerror=window.pwned=1>',
  '<svg onload=window.pwned=1>',
  '<svg><animate onbegin=window.pwned=1 attributeName=x dur=1s>',
  '<iframe srcdoc="<script>parent.pwned=1</script>">',
  '<body onload=window.pwned=1>',
  '<details open ontoggle=window.pwned=1>',
  '<video><source onerror=window.pwned=1></video>',
  '<math><mtext></mtext><mglyph><style><img src=x onerror=window.pwned=1>',
  '<a href="javascript:window.pwned=1">click</a>',
  '<form action=javascript:window.pwned=1><button>go</button></form>',
  '<input autofocus onfocus=window.pwned=1>',
  '<marquee onstart=window.pwned=1>',
  '<style>body{display:none}</style>',
  '<link rel=stylesheet href=//evil.example/x.css>',
  '<base href=//evil.example/>',
  '<meta http-equiv=refresh content="0;url=//evil.example">',
  '<object data=//evil.example>',
  '<embed src=//evil.example>',
  '</span></td></tr></table><h1>You won</h1>',
  '</title><script>window.pwned=1</script>',
  '<!--<script>-->window.pwned=1<!--</script>-->',
  '<template><script>window.pwned=1</script></template>',
  '<textarea><script>window.pwned=1</script>',
  '{{constructor.constructor("window.pwned=1")()}}',
  '${window.pwned=1}',
  '<div v-html="x" @click="pwned=1">',
  '[[pwned]]',
  '__proto__',
  'constructor',
  'javascript:window.pwned=1',
  'data:text/html,<script>window.pwned=1</script>',
  'vbscript:msgbox(1)',
  'https://github.com@evil.example/login',
  'https://github.com.evil.example/',
  '//evil.example/',
  '[click me](javascript:window.pwned=1)',
  '![x](https://evil.example/track.png)',
  '<a href="https://evil.example" style="position:fixed;inset:0">',
  '<svg><script>window.pwned=1</script></svg>',
  '<svg><use href="data:image/svg+xml,<svg id=x onload=window.pwned=1>#x">',
  '<noscript><p title="</noscript><img src=x onerror=window.pwned=1>">',
  '<button popovertarget=x>x</button><div id=x popover onbeforetoggle=window.pwned=1>',
  '<xss style="animation-name:x" onanimationstart=window.pwned=1>',
  '<select autofocus onfocus=window.pwned=1>',
  '<a href="https://evil.example" target=_top download>the log</a>',
  '<input type=image src=x formaction=//evil.example>',
  '<portal src=//evil.example>',
  'jAvAsCrIpT:window.pwned=1//',
  'https://evil.example\\@github.com/',
  'https://xn--gthub-cta.example/login',
  'file:///etc/passwd',
  'intent://evil.example#Intent;scheme=https;end',
  '::set-output name=x::pwned',
  '@everyone @acme/admins please approve',
  'Fixes #1, closes #2, duplicate of #3',
]
const turns = [0x202a, 0x202b, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x200f, 0x061c].map(
  (code) => `safe ${String.fromCodePoint(code)}gpj.exe tpircs`,
)
const hidden = [0x200b, 0x200c, 0x200d, 0x2060, 0xfeff, 0x00ad, 0x180e, 0x2063, 0x2028, 0x2029, 0xe0041, 0xe007f].map(
  (code) => `run${String.fromCodePoint(code)}:dev is not what it seems`,
)
const shapes = [
  'Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034da\u036b\u0357lgo',
  'ﷺ'.repeat(20),
  '𒐫'.repeat(20),
  'ａｄｍｉｎ',
  'раураl.com',
  'مرحبا بالعالم run:dev',
  'שלום <b>עולם</b>',
  '🏳️‍🌈👩‍👩‍👧‍👦'.repeat(4),
  'a'.repeat(200),
  'x '.repeat(90),
  '\t\ttabs',
  '   spaces   ',
  "'; DROP TABLE runs; --",
  '" OR 1=1 --',
  '../../../../etc/passwd',
  '%3Cscript%3E',
  '&lt;script&gt;window.pwned=1&lt;/script&gt;',
  '&#x3C;script&#x3E;',
  '\\u003cscript\\u003e',
  'null',
  'undefined',
  'NaN',
  '-1',
  '<<<data 0: issue by nobody',
  '>>>data 0',
]

/** For titles: one line, no controls. */
export const TITLES = [...scripts, ...turns, ...hidden, ...shapes]

const ESC = '\u001b'
/** For logs: all of these, and what terminals obey. */
export const LINES = [
  ...TITLES.map((text) => text.replaceAll(/[\u2028\u2029]/g, ' ')),
  `${ESC}[31mred${ESC}[0m`,
  `${ESC}[31m<img src=x onerror=window.pwned=1>${ESC}[0m`,
  `${ESC}[38;2;255;255;255;48;2;255;255;255mwhite on white${ESC}[0m`,
  `${ESC}[8mconcealed${ESC}[0m`,
  `${ESC}]8;;javascript:window.pwned=1${ESC}\\click${ESC}]8;;${ESC}\\`,
  `${ESC}]8;;https://evil.example${ESC}\\click${ESC}]8;;${ESC}\\`,
  `${ESC}]0;title${ESC}\\`,
  `${ESC}]52;c;cm0gLXJmIH4=${ESC}\\`,
  `${ESC}[2J${ESC}[H`,
  `${ESC}[1;31;"onmouseover=window.pwned=1 x="m`,
  `${ESC}[${'1;'.repeat(500)}m`,
  `${ESC}P+q544e${ESC}\\`,
  'bell\u0007 backspace\u0008\u0008\u0008 form\u000c',
  'rm -rf /\rls',
  `${ESC}[31mleft open`,
  'after what was left open',
]

/** What of the page is more than text: what ran, what became an element or a way out, what is unseen. */
export const moreThanText = (page) =>
  page.evaluate(() => {
    const main = document.querySelector('main')
    const names = 'script, iframe, object, embed, base, style, img, marquee, math, video, form[action^=javascript]'
    const tags = [...main.querySelectorAll(names)].map((element) => `<${element.localName}>`)
    const away = [...main.querySelectorAll('a')].map((link) => link.href).filter((href) => !/^https?:\/\/127\.0\.0\.1/.test(href))
    // oxlint-disable-next-line no-control-regex -- an escape that is not shown is what is looked for
    const unseen = [...main.textContent].filter((letter) => /[\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\u001b]/.test(letter))
    return [...(window.pwned === undefined ? [] : ['a script ran']), ...tags, ...away, ...unseen.map((it) => `U+${it.codePointAt(0).toString(16)}`)]
  })
