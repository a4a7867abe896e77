import { ChartNoAxesCombined } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [{ path: 'overview', name: 'overview', component: () => import('./Overview.vue') }],
  places: [{ route: 'overview', label: 'Overview', icon: ChartNoAxesCombined, order: 40, group: 'work', key: 'o' }],
} satisfies Screens
