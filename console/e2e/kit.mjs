// What the stories share: a real lab, a real browser, and people who sign in as everybody does.
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const root = new URL('../../', import.meta.url).pathname
const UP_MS = 180_000

const BROWSER = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
}

/** Starts a lab of its own; with LAB_DIR, takes the one that runs there. */
export async function startLab({ split = false } = {}) {
  if (process.env.LAB_DIR) return { endpoints: await endpoints(process.env.LAB_DIR), stop: async () => {} }
  const dir = await mkdtemp(join(tmpdir(), 'codex-k8s-console-'))
  const program = process.env.LAB_PROGRAM ?? join(root, 'target/debug/lab')
  const env = { ...process.env, LAB_DIR: dir, LAB_PORT: '0', LAB_SPLIT: split ? '1' : '0' }
  const lab = spawn(program, ['up'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => lab.once('exit', resolve))
  const stop = async () => {
    lab.kill('SIGTERM')
    await ended
    await rm(dir, { recursive: true, force: true })
  }
  const up = new Promise((resolve) => {
    createInterface({ input: lab.stdout }).on('line', (line) => line.includes('Stop with Ctrl-C') && resolve('up'))
  })
  const late = new Promise((resolve) => setTimeout(resolve, UP_MS, 'late').unref())
  if ((await Promise.race([up, ended, late])) !== 'up') {
    await stop()
    throw new Error('the lab did not start')
  }
  return { endpoints: await endpoints(dir), pid: lab.pid, dir, stop }
}

const endpoints = async (dir) => JSON.parse(await readFile(join(dir, 'endpoints.json'), 'utf8'))

export const startBrowser = () => chromium.launch(BROWSER)

/** Waits until something is so. */
export async function until(what, check, ms = 30_000) {
  const end = Date.now() + ms
  for (;;) {
    const found = await check()
    if (found) return found
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Somebody at a browser. Everything that goes wrong there is kept in `faults`. */
export class Person {
  static async open(browser, lab, login, options = {}) {
    const { width = 1280, height = 860, dark = false, path = '/' } = options
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
      timezoneId: 'UTC',
    })
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: lab.gateway_url })
    const person = new Person(context, lab, login)
    await context.addInitScript(() => {
      window.violations = []
      document.addEventListener('securitypolicyviolation', (event) =>
        window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
      )
    })
    await person.signIn(path)
    return person
  }

  constructor(context, lab, login) {
    this.context = context
    this.lab = lab
    this.login = login
    this.faults = []
  }

  async signIn(path) {
    // The simulator lets a browser click that brought the lab's key once.
    await this.context.request.get(`${this.lab.github_url}/${this.lab.repository}/issues?key=${this.lab.github_key}`)
    this.page = await this.context.newPage()
    this.page.on('console', (message) => {
      if (message.type() === 'error' && !this.expects?.(message.text())) this.faults.push(message.text())
    })
    this.page.on('pageerror', (error) => this.faults.push(String(error.stack ?? error)))
    await this.page.goto(`${this.lab.gateway_url}${path}`)
    await this.page.getByRole('link', { name: 'Sign in with GitHub' }).click()
    await this.page.getByRole('button', { name: `Continue as ${this.login}` }).click()
    await this.page.waitForURL((url) => url.origin === this.lab.gateway_url && !url.pathname.startsWith('/sign-in'))
  }

  async goto(path) {
    await this.page.goto(`${this.lab.gateway_url}${path}`)
  }

  /** Everything that the page did wrong until now: what it wrote to the console, what its policy refused. */
  async wrong() {
    return [...this.faults, ...(await this.page.evaluate(() => window.violations))]
  }

  close() {
    return this.context.close()
  }
}

/** What a button that one may not press says of it. */
export async function told(page, button) {
  await until('the platform says no', async () => (await button.getAttribute('aria-describedby')) !== null)
  if ((await button.getAttribute('aria-disabled')) !== 'true') throw new Error('it can be pressed')
  return page.locator(`[id="${await button.getAttribute('aria-describedby')}"]`).textContent()
}

/** Calls a tool with one of the lab's service tokens. */
export async function call(lab, name, input, role = 'admin') {
  const response = await fetch(lab.mcp_url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${lab.tokens[role]}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name,
        arguments: input,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  })
  const text = await response.text()
  const line = text.startsWith('{') ? text : text.split('\n').findLast((it) => it.startsWith('data: {')).slice(6)
  const { result, error } = JSON.parse(line)
  if (error || result.isError) throw new Error(`${name}: ${JSON.stringify(error ?? result.structuredContent)}`)
  return result.structuredContent
}

/** An agent of the lab: a shell script that works on a stage. */
export async function agent(lab, stage, script, parts = []) {
  const { project_id } = lab
  const profile = { project_id, stage, adapter: 'command', command: ['sh', '-c', script, 'sh', ...parts], output: 'none', cpu: '1', memory: '1Gi' }
  const known = await call(lab, 'agent_get', { project_id, stage })
  const made = await call(lab, 'agent_update', { ...profile, version: known.newest_version })
  await call(lab, 'agent_publish', { project_id, stage, version: made.version })
}

/** Drives the simulator of GitHub. */
export async function github(lab, what, body) {
  const response = await fetch(`${lab.github_url}/_sim/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${lab.github_key}` },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${what}: ${await response.text()}`)
  return response.json()
}

/** Opens an issue as somebody at GitHub; answers its number. */
export async function issue(lab, login, title, body = 'As it says.') {
  const { token } = await github(lab, 'tokens', { login })
  const response = await fetch(`${lab.github_api_url}/repos/${lab.repository}/issues`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ title, body }),
  })
  if (!response.ok) throw new Error(`an issue: ${response.status} ${await response.text()}`)
  return (await response.json()).number
}

export const label = (lab, number, name, by) =>
  github(lab, 'label', { repository: lab.repository, number, label: name, by })

/** Pushes files to the repository's default branch as somebody; answers the commit. */
export async function push(lab, login, files, message = 'Some files') {
  const { token } = await github(lab, 'tokens', { login })
  const folder = await mkdtemp(join(tmpdir(), 'codex-k8s-push-'))
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`,
  }
  const git = async (...args) => (await promisify(execFile)('git', ['-C', folder, ...args], { env })).stdout.trim()
  try {
    await git('clone', '--quiet', '--depth=1', `${lab.github_url}/${lab.repository}.git`, '.')
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    await git('add', '--all')
    await git('-c', `user.name=${login}`, '-c', `user.email=${login}@example.com`, 'commit', '--quiet', '--message', message)
    await git('push', '--quiet', 'origin', 'HEAD')
    return await git('rev-parse', 'HEAD')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Waits until search stands at a commit; a model may still be reading. */
export const indexed = (lab, commit) =>
  until(
    'the commit is indexed',
    async () => {
      const { sources } = await call(lab, 'knowledge_source_list', { project_id: lab.project_id })
      return sources.find((it) => it.commit === commit)
    },
    120_000,
  )

/** Puts into a lab's database what no tool makes: a slot in a rare state, years of runs. */
export async function sql(lab, statement) {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'codex-k8s')
  const embedded = (await readdir(cache).catch(() => [])).find((it) => it.startsWith('pg-'))
  const psql = process.env.PSQL ?? (embedded ? join(cache, embedded, 'embedded_postgres/pginstall/bin/psql') : 'psql')
  const { stdout } = await promisify(execFile)(psql, [lab.database_url, '--quiet', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1', '--command', statement])
  return stdout.trim()
}
