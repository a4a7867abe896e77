//! all-MiniLM-L6-v2 on this machine's own processor: texts in, vectors out.
//!
//! [`MiniLm`] is the model. The program of the same name holds it for a worker, which talks to it over standard input and
//! output ([`talk`]): a model is a hundred megabytes and minutes of work, so it gets a process that can be ended. What the
//! worker does not link it need not carry while nothing is embedded.

mod bert;
mod model;
pub mod talk;
mod vectorized;
mod weights;

pub use model::{EmbedError, MOST_TOKENS, MiniLm};
pub use weights::{CHECKSUM, DIMS, LoadError, NAME};
