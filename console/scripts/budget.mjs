// What a browser must load before the first screen is there, gzipped as it is sent: too much fails the build.
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

const BUDGET = 180_000
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'))

/** The page's own entry, all it imports, and the screen that is opened first. */
const files = new Set(['index.html'])
function take(key) {
  const chunk = manifest[key]
  if (!chunk || files.has(chunk.file)) return
  files.add(chunk.file)
  for (const css of chunk.css ?? []) files.add(css)
  for (const imported of chunk.imports ?? []) take(imported)
}
take('index.html')
for (const first of ['src/app/Home.vue', 'src/features/run/Runs.vue']) take(first)

let total = 0
const lines = []
for (const file of files) {
  const bytes = gzipSync(await readFile(new URL(file, dist)), { level: 6 }).length
  total += bytes
  lines.push(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${file}`)
}
console.log(lines.join('\n'))
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB  of ${BUDGET / 1000} kB to the first screen`)
if (total > BUDGET) {
  console.error('The first screen needs more than its budget.')
  process.exit(1)
}
