import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import App from './app/App.vue'
import { router } from './app/router'
import { queries } from './mcp/use'
import './shared/base.css'
import { listenToKeys } from './shared/keys'
import { applySettings } from './shared/settings'

applySettings()
listenToKeys()
createApp(App).use(router).use(VueQueryPlugin, { queryClient: queries }).mount('#app')
