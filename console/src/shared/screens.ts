import type { Component } from 'vue'
import type { RouteRecordRaw } from 'vue-router'

/** What the folder of a context brings: its routes, and its places in the navigation. */
export interface Screens {
  /** Beneath `/p/:project`, but for those that begin with `/`: they are of the platform. */
  routes: RouteRecordRaw[]
  places?: Place[]
}

/** A line of the navigation. */
export interface Place {
  /** Name of its route. */
  route: string
  label: string
  icon: Component
  /** Where it stands: lower is higher. */
  order: number
  group: 'work' | 'project' | 'platform'
  /** Pressed after `g`. */
  key?: string
  /** Shown to those alone who may do this somewhere. */
  operation?: string
}
