import { reactive, watchEffect } from 'vue'

/** What a person chose for this browser. */
export interface Settings {
  theme: 'system' | 'light' | 'dark'
  density: 'comfortable' | 'compact'
  /** Moments in UTC instead of where the browser is. */
  utc: boolean
  /** The project that was looked at last, by its slug. */
  project: string
  /** Tells by the browser when a run of mine ends or waits for me. */
  notify: boolean
}

const KEY = 'codex-k8s.settings'
const DEFAULTS: Settings = { theme: 'system', density: 'comfortable', utc: false, project: '', notify: false }

function read(): Settings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>) }
  } catch {
    return { ...DEFAULTS }
  }
}

export const settings = reactive(read())

/** Keeps the choices, and shows them by attributes that the tokens look at. */
export function applySettings(): void {
  const prefersDark = matchMedia('(prefers-color-scheme: dark)')
  const state = reactive({ dark: prefersDark.matches })
  prefersDark.addEventListener('change', (event) => (state.dark = event.matches))
  watchEffect(() => {
    const dark = settings.theme === 'dark' || (settings.theme === 'system' && state.dark)
    document.documentElement.dataset.theme = dark ? 'dark' : 'light'
    document.documentElement.dataset.density = settings.density
    localStorage.setItem(KEY, JSON.stringify(settings))
  })
}
