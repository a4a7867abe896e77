//! What every program serves beside its work: logs, metrics, health, and an orderly end.

pub mod health;
mod internal;
mod listen;
mod log;
mod prometheus;
mod runtime;
mod shutdown;

pub use health::Readiness;
pub use internal::{internal_router, serve_internal};
pub use listen::{bind, serve};
pub use log::{LogFormat, init_tracing};
pub use prometheus::install_metrics;
pub use runtime::runtime;
pub use shutdown::Shutdown;
