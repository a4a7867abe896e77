//! The use cases of knowledge.

mod embed;
mod index;
mod source;

pub use embed::{
    Model, ModelState, Unembedded, agree_on, keep_vectors, models_at_work, question_vector, sweep, unembedded,
};
pub use index::{Counted, begin, compare, due, fail, finish, forget_some, put, skip};
pub use source::{Coverage, Source, change, list, reindex};
pub(crate) use source::{forget, want};
