//! What reads and writes have in common: pages, long polls, idempotency keys.

use crate::bounded::{Count, Text};

/// Rows of one page.
pub type PageLimit = Count<1, 100>;

/// Where a page begins: the `next_cursor` of the answer before.
pub type Cursor = Text<1, 200>;

/// How long a read of something that grows may wait for news, in milliseconds.
pub type WaitMs = Count<0, 25_000>;

/// The caller's own name for one write: the same key with the same arguments gives the first answer again for 24 hours.
pub type IdempotencyKey = Text<1, 200>;
