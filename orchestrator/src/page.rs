//! Keyset pages: a cursor names the last row seen, so rows that come or go in between shift nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::error::{Error, Result};

/// Rows of one page unless asked otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Rows of one page at most.
pub const MAX_LIMIT: u32 = 100;

/// Which page is asked for: newest first.
#[derive(Clone, Copy, Debug)]
pub struct PageAsk {
    limit: u32,
    /// Rows before (older than) this id.
    before: Option<Uuid>,
}

/// Some rows, and where the next page begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Opaque; none on the last page.
    pub next_cursor: Option<String>,
}

impl PageAsk {
    /// Reads what a caller asks for.
    ///
    /// # Errors
    ///
    /// `Invalid` for a limit outside `1..=100` or a cursor that was not ours.
    pub fn new(limit: Option<u32>, cursor: Option<&str>) -> Result<Self> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if limit == 0 || limit > MAX_LIMIT {
            return Err(Error::Invalid(format!(
                "limit must be from 1 to {MAX_LIMIT}, not {limit}"
            )));
        }
        let before = cursor.map(decode).transpose()?;
        Ok(Self { limit, before })
    }

    /// One row more than asked for: its presence says that there is a next page.
    pub fn fetch(self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The id that rows must be older than; the greatest possible id for the first page.
    pub fn before(self) -> Uuid {
        self.before.unwrap_or(Uuid::max())
    }

    /// Makes the page out of up to [`Self::fetch`] rows.
    pub fn page<T>(self, mut rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more {
            rows.last().map(|row| encode(id(row)))
        } else {
            None
        };
        Page {
            items: rows,
            next_cursor,
        }
    }
}

fn encode(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

fn decode(cursor: &str) -> Result<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or_else(|| {
            Error::Invalid("cursor is not one of ours: pass the next_cursor of the last answer".into())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_whether_there_is_more() {
        let ask = PageAsk::new(Some(2), None).unwrap();
        let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).rev().collect();
        let page = ask.page(ids.clone(), |id| *id);
        assert_eq!(page.items, ids[..2]);
        let next = PageAsk::new(Some(2), page.next_cursor.as_deref()).unwrap();
        assert_eq!(next.before(), ids[1]);
        assert!(next.page(ids[2..].to_vec(), |id| *id).next_cursor.is_none());
    }

    #[test]
    fn foreign_cursors_and_limits_are_refused() {
        assert!(matches!(PageAsk::new(Some(0), None), Err(Error::Invalid(_))));
        assert!(matches!(PageAsk::new(Some(101), None), Err(Error::Invalid(_))));
        assert!(matches!(
            PageAsk::new(None, Some("1 OR 1=1")),
            Err(Error::Invalid(_))
        ));
    }
}
