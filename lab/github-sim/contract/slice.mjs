// Cuts GitHub's own OpenAPI description down to the operations of operations.txt.
//
//   npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//   node slice.mjs package/generated/api.github.com.json > github-openapi-slice.json
//
// Prose and examples go, `nullable` (OpenAPI 3.0) becomes JSON Schema's "null", `$ref`s point into the slice, and
// `oneOf` becomes `anyOf`: GitHub's alternatives overlap (each error body fits several), so none would be the only one.
import { readFileSync } from 'node:fs'

const api = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const wanted = readFileSync(new URL('operations.txt', import.meta.url), 'utf8').trim().split('\n')

const PROSE = new Set(['description', 'title', 'example', 'examples', 'externalDocs', 'deprecated', 'default', 'nullable',
  'readOnly', 'writeOnly', 'discriminator', 'xml'])
const MAPS = new Set(['properties', 'patternProperties'])
const schemas = {}

function resolve(ref) {
  return ref.slice(2).split('/').reduce((node, key) => node[key.replaceAll('~1', '/').replaceAll('~0', '~')], api)
}

function clean(schema) {
  if (Array.isArray(schema)) return schema.map(clean)
  if (schema === null || typeof schema !== 'object') return schema
  if (schema.$ref) return { $ref: reference(schema.$ref) }
  const out = {}
  for (const [key, value] of Object.entries(schema)) {
    if (PROSE.has(key) || key.startsWith('x-')) continue
    if (MAPS.has(key)) out[key] = Object.fromEntries(Object.entries(value).map(([name, s]) => [name, clean(s)]))
    else out[key === 'oneOf' ? 'anyOf' : key] = key === 'enum' || key === 'required' ? value : clean(value)
  }
  if (!schema.nullable) return out
  if (out.anyOf && Object.keys(out).length === 1) return { anyOf: [...out.anyOf, { type: 'null' }] }
  if (typeof out.type !== 'string') return { anyOf: [out, { type: 'null' }] }
  out.type = [out.type, 'null']
  if (out.enum && !out.enum.includes(null)) out.enum = [...out.enum, null]
  return out
}

function reference(ref) {
  const name = ref.split('/').at(-1)
  if (!(name in schemas)) {
    schemas[name] = {} // taken before it is cleaned: schemas refer to each other
    schemas[name] = clean(resolve(ref))
  }
  return `#/schemas/${name}`
}

function body(node) {
  const whole = node?.$ref ? resolve(node.$ref) : node
  const schema = whole?.content?.['application/json']?.schema
  return schema && clean(schema)
}

const operations = {}
for (const line of wanted) {
  const [method, path] = line.split(' ')
  const operation = api.paths[path]?.[method.toLowerCase()]
  if (!operation) throw new Error(`GitHub describes no operation ${line}`)
  const responses = {}
  for (const [status, response] of Object.entries(operation.responses)) {
    const schema = body(response)
    responses[status] = schema ?? null
  }
  operations[line] = { request: body(operation.requestBody) ?? null, responses }
}
reference('#/components/schemas/basic-error')
// GitHub describes an installation twice; in the list its account is a user *and* an enterprise, which nothing can be.
operations['GET /app/installations'].responses['200'] = {
  type: 'array',
  items: { $ref: reference('#/components/schemas/installation') },
}

const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
process.stdout.write(JSON.stringify({ source: '@octokit/openapi 23.0.2 (MIT)', operations, schemas: sorted }) + '\n')
