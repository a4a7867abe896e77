import { ownCsrfToken } from '../mcp/cookies'
import { settings } from '../shared/settings'

export function toggleTheme(): void {
  settings.theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'
}

/** Ends the session at the platform, everywhere at once; then this page knows nothing any more. */
export async function signOut(): Promise<void> {
  const token = ownCsrfToken() ?? ''
  await fetch('/logout', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-csrf-token': token },
  })
  location.assign('/sign-in')
}
