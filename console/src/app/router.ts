import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import type { Place, Screens } from '../shared/screens'

/** Every folder of a context that has a `screens.ts` is a part of the console. */
const found = import.meta.glob<{ default: Screens }>('../features/*/screens.ts', { eager: true })
const screens = Object.values(found).map((module) => module.default)

export const places: Place[] = screens
  .flatMap((it) => it.places ?? [])
  .toSorted((one, other) => one.order - other.order)

const all = screens.flatMap((it) => it.routes)
const [whole, ofProject] = [all.filter((it) => it.path.startsWith('/')), all.filter((it) => !it.path.startsWith('/'))]

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('./SignIn.vue'), meta: { bare: true } },
  ...whole,
  { path: '/p/:project', children: [{ path: '', redirect: { name: 'runs' } }, ...ofProject] },
  { path: '/', name: 'home', component: () => import('./Home.vue') },
  { path: '/:path(.*)*', name: 'nowhere', component: () => import('./Nowhere.vue') },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path || to.meta.keepScroll ? false : { top: 0 }),
})
