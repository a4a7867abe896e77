//! Files of which nothing can be found, and why.

use std::fmt;

/// A larger file is data, not text for people.
pub const MOST_BYTES: usize = 1_048_576;
/// A longer line was not written by a person.
pub const MOST_LINE_BYTES: usize = 16_384;
/// A zero among the first bytes is how Git tells what is binary.
const LOOKED_AT: usize = 8_000;

/// Why a file is not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    Binary,
    Empty,
    NotUtf8,
    TooLarge,
    LongLine,
}

impl Skip {
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Empty => "empty",
            Self::NotUtf8 => "not_utf8",
            Self::TooLarge => "too_large",
            Self::LongLine => "long_line",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The file as text, if a person could have written it.
///
/// # Errors
///
/// [`Skip`] says why nobody could.
pub fn readable(bytes: &[u8]) -> Result<&str, Skip> {
    if bytes.len() > MOST_BYTES {
        return Err(Skip::TooLarge);
    }
    if bytes.iter().take(LOOKED_AT).any(|byte| *byte == 0) {
        return Err(Skip::Binary);
    }
    let text = str::from_utf8(bytes).map_err(|_| Skip::NotUtf8)?;
    if text.lines().any(|line| line.len() > MOST_LINE_BYTES) {
        return Err(Skip::LongLine);
    }
    if text.trim().is_empty() {
        return Err(Skip::Empty);
    }
    Ok(text)
}
