//! Signing in with the code host, or with a one-use code when it is down.
//!
//! What must be remembered between leaving for the code host and coming back is in a sealed cookie of that browser, so a
//! visitor who proves nothing makes us keep nothing. A state that came to its end is written down: it serves once.
//!
//! Tables: `login_states`, `break_glass_codes`.

mod break_glass;
mod domain;
mod service;
mod store;

pub use break_glass::{CODE_LIFE, issue_break_glass, redeem_break_glass};
pub use domain::{ATTEMPT_LIFE, local_path};
pub use service::{Attempt, Begun, begin, resume, settle, sweep};
