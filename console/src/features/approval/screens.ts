import { Inbox } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [{ path: 'inbox', name: 'inbox', component: () => import('./Inbox.vue') }],
  places: [{ route: 'inbox', label: 'Inbox', icon: Inbox, order: 10, group: 'work', key: 'n' }],
} satisfies Screens
