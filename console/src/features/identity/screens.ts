import { KeyRound } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [{ path: 'access/:tab(members|tokens|sessions|people|why)?', name: 'access', component: () => import('./Access.vue') }],
  places: [{ route: 'access', label: 'Access', icon: KeyRound, order: 90, group: 'project', key: 'a' }],
} satisfies Screens
