//! A file as it is kept: its text, and the passages it is cut into.

use sha2::{Digest, Sha256};

use crate::actor::words;

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    Docs,
    Code,
}

words!(DocumentKind: Docs = "docs", Code = "code");

/// The language of a text's words: how they are stemmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    English,
    Russian,
    /// Any other: words are taken as they stand.
    Simple,
}

words!(Language: English = "english", Russian = "russian", Simple = "simple");

/// A file that was read at a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    pub path: String,
    pub blob_sha: String,
    /// Of the file as it is in the repository.
    pub bytes: i64,
    pub kind: DocumentKind,
    pub language: Language,
    /// Clean, and without secrets.
    pub text: String,
    /// Pieces of `text`, in its order.
    pub passages: Vec<NewPassage>,
}

/// A piece of a file that says something by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPassage {
    /// What it stands under, outermost first, joined by ` > `.
    pub heading: String,
    /// What it defines.
    pub names: Vec<String>,
    /// First and last line, counted from 1.
    pub lines: (u32, u32),
    pub text: String,
}

/// A file of which nothing can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub path: String,
    pub blob_sha: String,
    pub bytes: i64,
    /// For a person to read, for example "larger than 1 MiB".
    pub reason: String,
}

impl NewPassage {
    /// What it says, whatever its lines: equal ones share a vector.
    pub(crate) fn content_sha256(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.heading, &self.names.join("\n"), &self.text] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

/// What of a passage is embedded.
pub(crate) fn embedded_text(heading: &str, text: &str) -> String {
    if heading.is_empty() {
        text.to_owned()
    } else {
        format!("{heading}\n{text}")
    }
}
