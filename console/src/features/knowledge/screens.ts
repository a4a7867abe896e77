import { BookOpenText } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [{ path: 'knowledge/:tab(search|sources)?', name: 'knowledge', component: () => import('./Knowledge.vue'), meta: { keepScroll: true } }],
  places: [{ route: 'knowledge', label: 'Knowledge', icon: BookOpenText, order: 35, group: 'work', key: 'k' }],
} satisfies Screens
