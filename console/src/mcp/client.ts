import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { ownCsrfToken } from './cookies'
import { broken, refused } from './error'
import type { Tools } from './tools.gen'
import { reachable } from './reach'

export type ToolName = keyof Tools
export type Input<Name extends ToolName> = Tools[Name]['input']
export type Output<Name extends ToolName> = Tools[Name]['output']

/** What HTTP said to the request of a trace; absent when nothing came back. */
const statuses = new Map<string, number>()

/** The cookie goes along by itself; the header proves that it is our own page that asks. No token is ever held here. */
async function ownFetch(input: URL | RequestInfo, init?: RequestInit): Promise<Response> {
  const headers = new Headers(init?.headers)
  const token = ownCsrfToken()
  if (token) headers.set('x-csrf-token', token)
  const message = messageOf(init?.body)
  // The library leaves it out when it ends a stream; the server wants it in every request.
  if (message?.method && !headers.has('mcp-method')) headers.set('mcp-method', message.method)
  const trace = message?.params?._meta?.traceparent
  if (trace) headers.set('traceparent', trace)
  try {
    const response = await fetch(input, { ...init, headers, credentials: 'same-origin', redirect: 'error' })
    if (trace) statuses.set(requestId(trace), response.status)
    reachable(response.status < 500)
    return response
  } catch (error) {
    if (!init?.signal?.aborted) reachable(false)
    throw error
  }
}

interface Message {
  method?: string
  params?: { _meta?: { traceparent?: string } }
}

const messageOf = (body: unknown) => (typeof body === 'string' ? (JSON.parse(body) as Message) : undefined)

const requestId = (traceparent: string) => traceparent.slice(3, 35)

/** A trace of its own for every call (W3C): a person can name it to whoever reads the platform's logs. */
function newTrace(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24))
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`
}

let connecting: Promise<Client> | undefined

/** The one client of this tab. It keeps no session at the server, so it survives any restart there. */
export function client(): Promise<Client> {
  connecting ??= connect().catch((error: unknown) => {
    connecting = undefined
    throw error
  })
  return connecting
}

async function connect(): Promise<Client> {
  const made = new Client({ name: 'codex-k8s-console', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', location.href), { fetch: ownFetch })
  await made.connect(transport)
  return made
}

/** Calls a tool. Throws a `ToolError` and nothing else, but for the abort of the caller's own signal. */
export async function call<Name extends ToolName>(
  name: Name,
  input: Input<Name>,
  signal?: AbortSignal,
): Promise<Output<Name>> {
  const traceparent = newTrace()
  const id = requestId(traceparent)
  try {
    const made = await client()
    const answer = await made.callTool(
      { name, arguments: input as Record<string, unknown>, _meta: { traceparent } },
      { signal, timeout: 65_000 },
    )
    if (answer.isError) throw refused(name, id, answer.structuredContent)
    return answer.structuredContent as Output<Name>
  } catch (error) {
    signal?.throwIfAborted()
    throw broken(name, id, error, statuses.get(id) ?? (error as { status?: number }).status)
  } finally {
    statuses.delete(id)
  }
}

/** A key under which a repeated write answers the first again. */
export const idempotencyKey = () => crypto.randomUUID()
