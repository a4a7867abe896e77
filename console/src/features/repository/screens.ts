import { FolderGit2 } from '@lucide/vue'
import type { Screens } from '@/shared/screens'

export default {
  routes: [
    { path: 'repositories', name: 'repositories', component: () => import('./Repositories.vue') },
    { path: 'repositories/:repository', name: 'repository', component: () => import('./Repository.vue'), meta: { place: 'repositories' } },
  ],
  places: [{ route: 'repositories', label: 'Repositories', icon: FolderGit2, order: 50, group: 'project', key: 'p' }],
} satisfies Screens
