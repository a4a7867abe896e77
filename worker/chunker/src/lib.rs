//! Cuts the files of a repository into passages: markdown by heading, code by syntax, all else by paragraph.
//!
//! Pure: a path and bytes go in, passages come out, the same ones each time. A file that cannot be cut says why, and
//! hinders no other.

mod code;
mod language;
mod lines;
mod markdown;
mod skip;
#[cfg(test)]
mod tests;
mod tokens;

use text_splitter::TextSplitter;

pub use language::Tongue;
pub use skip::{MOST_BYTES, MOST_LINE_BYTES, Skip, readable};
pub use tokens::{MOST_TOKENS, tokens};

use lines::Lines;

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Docs,
    Code,
}

/// A file, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub kind: Kind,
    /// The language of its words.
    pub tongue: Tongue,
    /// In the order of the file; they do not overlap.
    pub passages: Vec<Passage>,
}

/// A piece of a file that says something by itself: at most [`MOST_TOKENS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The headings it stands under, or the definitions it stands in, outermost first, joined by ` > `; may be empty.
    pub heading: String,
    /// What it defines: names of functions, types, keys.
    pub names: Vec<String>,
    /// The first and the last line, counted from 1.
    pub lines: (u32, u32),
    pub text: String,
}

/// What a file is made of, by its name.
pub fn kind(path: &str) -> Kind {
    let extension = extension(path);
    if language::is_markdown(extension) {
        Kind::Docs
    } else if language::grammar(extension).is_some() {
        Kind::Code
    } else {
        language::kind(path)
    }
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Cuts a file.
///
/// # Errors
///
/// [`Skip`] says why nothing of it can be found.
pub fn cut(path: &str, bytes: &[u8]) -> Result<Cut, Skip> {
    let text = readable(bytes)?;
    let lines = Lines::of(text);
    let passages = match language::grammar(extension(path)) {
        Some(grammar) => code::cut(text, &lines, &grammar),
        None if language::is_markdown(extension(path)) => markdown::cut(text, &lines),
        None => prose(text, &lines),
    };
    if passages.is_empty() {
        return Err(Skip::Empty);
    }
    Ok(Cut {
        kind: kind(path),
        tongue: language::tongue(text),
        passages,
    })
}

fn prose(text: &str, lines: &Lines) -> Vec<Passage> {
    let splitter = TextSplitter::new(tokens::budget());
    let pieces = splitter.chunk_indices(text);
    pieces
        .map(|(at, piece)| lines.passage(at, piece, String::new(), Vec::new()))
        .collect()
}
