/** Every screen, and what is there when it is. Whoever adds a screen adds it here. */
export function routes(lab, runs) {
  const project = `/p/${lab.project}`
  const run = (stage, tab = '') => `${project}/runs/${runs[stage]}${tab && `/${tab}`}`
  return [
    { name: 'inbox', path: `${project}/inbox`, ready: 'h1:text("Inbox")' },
    { name: 'runs', path: `${project}/runs`, ready: 'a.row-link' },
    { name: 'runs-by-issue', path: `${project}/runs?by=issue`, ready: 'a.row-link' },
    { name: 'runs-none', path: `${project}/runs?q=nothing-is-like-this`, ready: 'h2:text("No run fits")', picture: false },
    { name: 'run', path: run('dev'), ready: '.events .event' },
    { name: 'run-failed', path: run('intake'), ready: '.annotation.bad' },
    { name: 'run-log', path: run('qa', 'log'), ready: '.log-line' },
    { name: 'run-prompt', path: run('dev', 'prompt'), ready: '.layer' },
    { name: 'run-changes', path: run('dev', 'changes'), ready: '.change' },
    { name: 'run-events', path: run('dev', 'events'), ready: '.event' },
    { name: 'run-usage', path: run('dev', 'usage'), ready: 'h2:text("No model was asked")' },
    { name: 'issues', path: `${project}/issues`, ready: 'a.row-link' },
    { name: 'issue', path: `${project}/issues/${lab.repository_id}/1`, ready: '.runs .run' },
    { name: 'overview', path: `${project}/overview`, ready: '.charts canvas' },
    { name: 'nowhere', path: '/nowhere', ready: 'h2:text("This address leads nowhere")', picture: false },
    { name: 'no-project', path: '/p/nonesuch/runs', ready: 'h2:text("There is no such project")', picture: false },
    { name: 'deliveries', path: `${project}/deliveries?own=1`, ready: 'h2:text("GitHub told nothing yet"), a.row-link' },
    { name: 'slots', path: `${project}/slots?slot=1`, ready: '.details p' },
    { name: 'repositories', path: `${project}/repositories`, ready: 'a.row-link' },
    { name: 'repository', path: `${project}/repositories/${lab.repository_id}`, ready: '.check' },
    { name: 'agents', path: `${project}/agents`, ready: 'a.row-link' },
    { name: 'agent', path: `${project}/agents/profiles/dev`, ready: '.facts' },
    { name: 'prompts', path: `${project}/agents/prompts`, ready: 'tbody th' },
    { name: 'prompt', path: `${project}/agents/prompts/dev/work`, ready: 'pre' },
    { name: 'trigger-rules', path: `${project}/agents/rules`, ready: 'tbody .line' },
    { name: 'models', path: `${project}/agents/models`, ready: 'tbody .two, h2:text("No model yet")' },
    { name: 'access', path: `${project}/access`, ready: 'tbody .face' },
    { name: 'tokens', path: `${project}/access/tokens`, ready: 'tbody .two, h2:text("No token")' },
    { name: 'sessions', path: `${project}/access/sessions`, ready: '.one' },
    { name: 'why', path: `${project}/access/why?operation=slot_release`, ready: 'h2:text("You may not")' },
    { name: 'audit', path: `${project}/audit`, ready: 'tbody .two' },
    { name: 'knowledge', path: `${project}/knowledge?q=when+is+a+slot+free+again`, ready: '.hit, h2:text("Nothing fits")' },
    { name: 'knowledge-ask', path: `${project}/knowledge`, ready: 'h2:text("Ask what an agent would ask")', picture: false },
    { name: 'knowledge-sources', path: `${project}/knowledge/sources`, ready: '.facts' },
  ]
}

/** Whether the page is wider than its window: nobody scrolls sideways. */
export async function overTheEdge(page) {
  const [wide, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth])
  return wide > window_ ? [`is ${wide} px wide in a window of ${window_} px`] : []
}
