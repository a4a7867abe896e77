//! The real git behind the simulator: bare repositories in the data folder, asked through git itself.

mod diff;
mod facts;
mod guard;
mod history;
mod merge;
mod refs;
mod run;
mod smart_http;
mod tree;
mod write;

pub(crate) use self::diff::FileDiff;
pub(crate) use self::guard::write_hooks;
pub(crate) use self::history::{CommitInfo, Identity};
pub(crate) use self::refs::{RefChange, ZERO, changes};
pub(crate) use self::run::Git;
pub(crate) use self::smart_http::{serve, split_path};
pub(crate) use self::tree::Entry;
pub(crate) use self::write::FileChange;
