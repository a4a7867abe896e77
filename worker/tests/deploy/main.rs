//! What `deploy/base` and `services.yaml` promise: they parse, they are hardened, they agree with each other and with
//! what the worker writes.

mod agreement;
mod hardening;
mod manifests;
mod parse;
