//! The use cases of knowledge.

mod embed;
mod hits;
mod index;
mod rank;
mod read;
mod recall;
mod scope;
mod search;
mod source;

pub use embed::{
    Model, ModelState, Unembedded, agree_on, keep_vectors, models_at_work, question_vector, refuse, sweep,
    unembedded,
};
pub(super) use hits::Passage;
pub use hits::{Hit, Scores};
pub use index::{Counted, begin, compare, due, fail, finish, forget_some, put, skip};
pub(super) use rank::Filter;
pub use read::{Document, Excerpt, Lines, Named, get};
pub use recall::{Recall, recall};
pub use scope::LeftOut;
pub(super) use scope::Scoped;
pub use search::{Ask, Found, Index, MOST_HITS, Mode, search};

pub use source::{Coverage, Source, change, list, reindex};
pub(crate) use source::{erase, forget, want};
