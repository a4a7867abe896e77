//! The bodies GitHub sends, made from what [`World`] remembers. The contract slice checks each of them.

mod account;
mod app;
mod check;
mod git;
mod hook;
mod issue;
mod pull;
mod repository;
mod timeline;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::world::World;

pub(crate) use self::git::{commit, comparison, content_directory, content_file, diff_entry, reference};

/// A way of looking at the world: the same thing has other addresses under `/api/v3`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) world: &'a World,
    /// Where the API is, without a slash at the end.
    pub(crate) api: &'a str,
}

impl<'a> View<'a> {
    /// Looks as the webhooks do: no request says where the API is.
    pub(crate) fn of(world: &'a World) -> Self {
        Self {
            world,
            api: &world.web,
        }
    }

    pub(crate) fn web(&self) -> &'a str {
        &self.world.web
    }
}

/// Returns an opaque global id in GitHub's old form: base64 of kind and number.
pub(crate) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    STANDARD.encode(format!("{:03}:{kind}{id}", kind.len()))
}
