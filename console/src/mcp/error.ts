/** Why a call did not do what was asked: the codes of the contract, and two of our own. */
export type ErrorCode =
  | 'invalid_input'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'stale_turn'
  | 'stale_version'
  | 'idempotency_mismatch'
  | 'precondition_failed'
  | 'capacity'
  | 'budget'
  | 'too_large'
  | 'rate_limited'
  | 'unavailable'
  | 'internal'
  /** The platform could not be reached at all. */
  | 'offline'

const CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid_input',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'stale_turn',
  'stale_version',
  'idempotency_mismatch',
  'precondition_failed',
  'capacity',
  'budget',
  'too_large',
  'rate_limited',
  'unavailable',
  'internal',
])

/** A refused or failed call. The request's id is its trace: what the platform's logs know it by. */
export class ToolError extends Error {
  override readonly name = 'ToolError'

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly tool: string,
    readonly requestId: string,
    readonly retryAfterMs?: number,
    /** What helps, as a word of the contract. */
    readonly hint?: string,
  ) {
    super(message)
  }

  /** Whether signing in anew is what helps: the session is over, or the act wants a younger one. */
  get wantsSignIn(): boolean {
    return this.code === 'unauthenticated' || (this.code === 'forbidden' && this.hint === 'sign_in')
  }

  /** Whether the same call may go better in a moment. */
  get passes(): boolean {
    return this.code === 'offline' || this.code === 'unavailable' || this.code === 'rate_limited'
  }
}

interface Failure {
  code: string
  message: string
  retry_after_ms?: number
  hint?: string
}

function isFailure(value: unknown): value is Failure {
  const failure = value as Partial<Failure> | null | undefined
  return typeof failure?.code === 'string' && typeof failure.message === 'string'
}

/** What a tool answered instead of what was asked. */
export function refused(tool: string, requestId: string, content: unknown): ToolError {
  if (!isFailure(content)) {
    return new ToolError('internal', 'The platform answered something this console does not understand.', tool, requestId)
  }
  const code = CODES.has(content.code) ? (content.code as ErrorCode) : 'internal'
  return new ToolError(code, content.message, tool, requestId, content.retry_after_ms, content.hint)
}

/** What went wrong on the way. `status` is what HTTP said, if it came so far. */
export function broken(tool: string, requestId: string, cause: unknown, status?: number): ToolError {
  if (cause instanceof ToolError) return cause
  const say = (code: ErrorCode, message: string) => new ToolError(code, message, tool, requestId)
  if (status === 401) return say('unauthenticated', 'Your session is over. Sign in again.')
  if (status === 403) return say('forbidden', 'The platform did not take this page for its own. Reload it.')
  if (status === 429) return say('rate_limited', 'Too many requests. Wait a moment.')
  if (status !== undefined && status >= 500) return say('unavailable', 'The tools cannot be reached right now.')
  // A rejected fetch is a TypeError: no answer came at all.
  if (status === undefined) return say('offline', 'The platform cannot be reached. Check the connection.')
  const data = (cause as { data?: unknown }).data
  if (isFailure(data)) return refused(tool, requestId, data)
  return say('internal', 'The platform met a defect. Its logs know this request.')
}
