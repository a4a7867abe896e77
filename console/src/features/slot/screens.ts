import { Server } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [{ path: 'slots', name: 'slots', component: () => import('./Slots.vue'), meta: { keepScroll: true } }],
  places: [{ route: 'slots', label: 'Slots', icon: Server, order: 70, group: 'project', key: 's' }],
} satisfies Screens
