import { ScrollText } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [{ path: 'audit', name: 'audit', component: () => import('./Audit.vue') }],
  places: [{ route: 'audit', label: 'Audit', icon: ScrollText, order: 100, group: 'project', key: 'u' }],
} satisfies Screens
