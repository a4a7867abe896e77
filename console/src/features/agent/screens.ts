import { Bot } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [
    { path: 'agents/:tab(profiles|prompts|models|rules)?', name: 'agents', component: () => import('./Agents.vue') },
    { path: 'agents/profiles/:stage', name: 'agent', component: () => import('./Profile.vue'), meta: { place: 'agents' } },
    { path: 'agents/prompts/:stage/:kind(work|revise|review)', name: 'prompt', component: () => import('./Prompt.vue'), meta: { place: 'agents' } },
  ],
  places: [{ route: 'agents', label: 'Agents and prompts', icon: Bot, order: 80, group: 'project', key: 'e' }],
} satisfies Screens
