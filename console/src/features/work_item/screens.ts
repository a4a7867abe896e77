import { CircleDot } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [
    { path: 'issues', name: 'issues', component: () => import('./Issues.vue') },
    { path: 'issues/:repository/:number(\\d+)', name: 'issue', component: () => import('./Issue.vue'), meta: { place: 'issues' } },
  ],
  places: [{ route: 'issues', label: 'Issues', icon: CircleDot, order: 30, group: 'work', key: 'i' }],
} satisfies Screens
