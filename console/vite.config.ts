import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

/** Where a running lab is, for `npm run dev`: the gateway takes calls of its own origin alone. */
const lab = process.env.LAB_URL ?? 'http://127.0.0.1:8400'
const passOn = {
  target: lab,
  changeOrigin: true,
  headers: { origin: lab },
}

export default defineConfig(({ command }) => ({
  // The gateway's cookies bear its own port in their names.
  define: command === 'serve' ? { 'import.meta.env.VITE_LAB_PORT': JSON.stringify(new URL(lab).port) } : {},
  plugins: [vue()],
  resolve: {
    alias: {
      '@modelcontextprotocol/client/_shims': new URL('./src/mcp/shims.ts', import.meta.url).pathname,
      '@/': new URL('./src/', import.meta.url).pathname,
    },
  },
  build: {
    target: 'es2023',
    sourcemap: false,
    // Strict CSP: nothing is inlined, not even as data: URL.
    assetsInlineLimit: 0,
    // The scripts of a screen are found when it is asked for: a list of all of them would be a part of every first load.
    modulePreload: { polyfill: false, resolveDependencies: (_file, needed, { hostType }) => (hostType === 'html' ? needed : needed.filter((it) => it.endsWith('.css'))) },
    manifest: true,
  },
  server: {
    proxy: { '/mcp': passOn, '/login': passOn, '/logout': passOn },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
}))
