import { Webhook } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [
    { path: 'deliveries', name: 'deliveries', component: () => import('./Deliveries.vue') },
    { path: 'deliveries/:delivery', name: 'delivery', component: () => import('./Delivery.vue'), meta: { place: 'deliveries' } },
  ],
  places: [{ route: 'deliveries', label: 'Deliveries', icon: Webhook, order: 60, group: 'project', key: 'd' }],
} satisfies Screens
