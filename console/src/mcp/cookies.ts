/** The gateway's cookie that our own pages repeat in a header; its name tells https and the port (gateway/src/site.rs). */
export function csrfToken(cookies: string, location: { protocol: string; port: string }): string | undefined {
  const name = location.protocol === 'https:' ? '__Host-csrf' : `csrf-${location.port || '80'}`
  for (const pair of cookies.split(';')) {
    const [is, ...value] = pair.trim().split('=')
    if (is === name) return value.join('=')
  }
  return undefined
}

/** The token of this page's own session. */
export const ownCsrfToken = () =>
  csrfToken(document.cookie, { protocol: location.protocol, port: import.meta.env.VITE_LAB_PORT ?? location.port })
