// Before anything else: zod must not try to compile code, which the page's policy refuses and reports.
globalThis.__zod_globalConfig = { jitless: true }
