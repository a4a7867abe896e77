import { ownCsrfToken } from '../mcp/cookies'
import { settings } from '../shared/settings'

export function toggleTheme(): void {
  settings.theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'
}

/** Notices of runs are for who asked for them, here and at the browser. */
export async function toggleNotices(): Promise<void> {
  settings.notify = !settings.notify && (await Notification.requestPermission()) === 'granted'
}

/** Ends the session at the platform, everywhere at once. The page goes with it: a form leaves nothing behind that still asks. */
export function signOut(): void {
  const form = Object.assign(document.createElement('form'), { method: 'post', action: '/logout', hidden: true })
  const csrf = Object.assign(document.createElement('input'), { type: 'hidden', name: 'csrf', value: ownCsrfToken() ?? '' })
  form.append(csrf)
  document.body.append(form)
  form.submit()
}
