//! What can be done on GitHub, by whatever door: REST, git, a page's form, or a test. Each act changes the
//! world and says so in an event.

mod closing;
pub(crate) mod comment;
pub(crate) mod emit;
pub(crate) mod issue;
pub(crate) mod label;
mod member;
pub(crate) mod merge;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod review;
