//! The use cases of knowledge.

mod embed;
mod index;
mod read;
mod recall;
mod scope;
mod search;
mod source;

pub use embed::{
    Model, ModelState, Unembedded, agree_on, keep_vectors, models_at_work, question_vector, sweep, unembedded,
};
pub use index::{Counted, begin, compare, due, fail, finish, forget_some, put, skip};
pub use read::{Document, Excerpt, Lines, Named, get};
pub use recall::{Recall, recall};
pub use scope::LeftOut;
pub(super) use scope::Scoped;
pub use search::{Ask, Found, Hit, Index, MOST_HITS, Mode, Scores, search};
pub(super) use search::{Filter, Passage};
pub use source::{Coverage, Source, change, list, reindex};
pub(crate) use source::{erase, forget, want};
