/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The port of the lab that `npm run dev` passes calls on to. */
  readonly VITE_LAB_PORT?: string
}
