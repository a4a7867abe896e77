import { ListVideo } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [
    { path: 'runs', name: 'runs', component: () => import('./Runs.vue') },
    {
      path: 'runs/:run/:tab(timeline|log|prompt|changes|events|usage)?',
      name: 'run',
      component: () => import('./Run.vue'),
      meta: { place: 'runs', keepScroll: true },
    },
  ],
  places: [{ route: 'runs', label: 'Runs', icon: ListVideo, order: 20, group: 'work', key: 'r' }],
} satisfies Screens
