//! What repositories say, cut into passages that can be found: by their words at once, and by their meaning as soon as a
//! model has read them.
//!
//! A *source* is a repository with an index. A *pass* reads its tree at one commit: files that did not change are not read,
//! passages that did not change keep their vectors, and what an earlier pass left behind is gone at the end. Everything here
//! can be made anew from the repository. Text of repositories is data: it is cleaned of what nobody sees, freed of secrets
//! before it is kept, and handed out marked as untrusted.

mod clean;
mod document;
mod fuse;
mod glob;
#[cfg(feature = "postgres")]
pub mod jobs;
mod plan;
#[cfg(feature = "postgres")]
mod service;
mod snippet;
mod source;
#[cfg(feature = "postgres")]
mod store;
mod words;

pub use clean::clean;
pub use document::{DocumentKind, Language, NewDocument, NewPassage, Skipped};
pub use glob::Globs;
#[cfg(feature = "postgres")]
pub use service::{
    Ask, Counted, Coverage, Document, Excerpt, Found, Hit, Index, LeftOut, Lines, MOST_HITS, Mode, Model,
    ModelState, Named, Recall, Scores, Source, Unembedded, agree_on, begin, change, compare, due, fail,
    finish, forget_some, get, keep_vectors, list, models_at_work, put, question_vector, recall, refuse,
    reindex, search, skip, sweep, unembedded,
};
#[cfg(feature = "postgres")]
pub(crate) use service::{erase, forget, want};
pub use source::{Pass, SourceChanges, VisibleTo};
