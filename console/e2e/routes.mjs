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
  ]
}

/** Whether the page is wider than its window: nobody scrolls sideways. */
export async function overTheEdge(page) {
  const [wide, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth])
  return wide > window_ ? [`is ${wide} px wide in a window of ${window_} px`] : []
}
