import { AnsiUp } from 'ansi_up'
import { visible } from './text'

/** Paints one line: colours become classes, everything else is text. Addresses are never made links. */
export function painter(): (line: string) => string {
  return (line) => {
    // A painter of its own for each line: colours that a line leaves open end with it, whatever is painted next.
    const ansi = new AnsiUp()
    ansi.use_classes = true
    ansi.escape_html = true
    ansi.url_allowlist = {}
    return ansi.ansi_to_html(shownControls(line)).replace(STYLED, unstyled)
  }
}

/** Only the painter's own tags look like this: in text all quotes and brackets are escaped. */
const STYLED = /<span style="([^"]*)"(?: class="([^"]*)")?>/g

/** The page's policy takes no style from markup: what matters becomes a class, and a colour of 24 bits is left out. */
function unstyled(_tag: string, style: string, classes = ''): string {
  const names = ['bold', 'italic', 'underline'].filter((name) => style.includes(name)).map((name) => `ansi-${name}`)
  return `<span class="${[...names, classes].filter(Boolean).join(' ')}">`
}

/** Colour codes are for the painter; any other unseen letter is shown. */
function shownControls(line: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is looked for
  return line.replace(/\u001b\[[0-9;:]*m|[^\u001b]+|\u001b/g, (part) => (part.startsWith('\u001b[') ? part : visible(part)))
}
