//! A document, or some of its lines.

use super::super::store::search::{self, Which};
use super::super::{DocumentKind, Language};
use super::scope::scope;
use crate::actor::Actor;
use crate::agent::neutralise;
use crate::error::{Error, Result};
use crate::id::{DocumentId, RepositoryId};
use crate::orchestrator::Orchestrator;
use crate::trace::TraceParent;

/// Bytes of a document that are handed out at once.
const MOST_BYTES: usize = 64 * 1024;

/// How a document is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Id(DocumentId),
    Path(RepositoryId, String),
}

/// Lines of a document, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    pub from: u32,
    pub to: u32,
}

/// A file as it was indexed. Its text is data, and untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub document_id: DocumentId,
    pub repository_id: RepositoryId,
    pub path: String,
    pub commit: String,
    pub blob_sha: String,
    pub kind: DocumentKind,
    pub language: Language,
    /// Of the file in the repository.
    pub bytes: i64,
    /// Of the whole file.
    pub lines: u32,
    /// Why there is no text.
    pub skipped: Option<String>,
    pub text: Option<String>,
}

/// A document and the lines of it that `text` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    pub document: Document,
    pub lines: Lines,
    /// The first line that was left out because the text would be too long.
    pub next_line: Option<u32>,
}

/// Hands out a document, or a part of it: at most 64 KiB at once.
///
/// # Errors
///
/// `NotFound` for one that is not there or that the actor may not find; `Invalid` for lines it does not have; `StaleTurn` of
/// an agent.
pub async fn get(
    orchestrator: &Orchestrator,
    actor: &Actor,
    named: &Named,
    lines: Option<Lines>,
    trace: &TraceParent,
) -> Result<Excerpt> {
    let missing = || match named {
        Named::Id(id) => Error::not_found("document", id),
        Named::Path(_, path) => Error::not_found("document", neutralise(path)),
    };
    let mut tx = orchestrator.look("knowledge.get").await?;
    let which = match named {
        Named::Id(id) => Which::Id(*id),
        Named::Path(repository_id, path) => Which::Path(*repository_id, path),
    };
    let found = search::document(&mut tx, which).await?.ok_or_else(missing)?;
    drop(tx);
    // Whether the caller may see the repository is not told: what it may not find is not there.
    let scope = match scope(orchestrator, actor, Some(found.repository_id), trace).await {
        Err(Error::NotFound { .. } | Error::Forbidden(_)) => return Err(missing()),
        scope => scope?,
    };
    if scope.sources.is_empty() {
        return Err(missing());
    }
    excerpt(found, lines)
}

fn excerpt(mut document: Document, asked: Option<Lines>) -> Result<Excerpt> {
    let whole = Lines {
        from: 1,
        to: document.lines,
    };
    let lines = asked.unwrap_or(whole);
    document.path = neutralise(&document.path);
    let Some(text) = document.text.take() else {
        return Ok(Excerpt {
            document,
            lines: whole,
            next_line: None,
        });
    };
    if lines.from < 1 || lines.from > lines.to || lines.from > document.lines.max(1) {
        return Err(Error::Invalid(format!(
            "lines: the document has the lines 1 to {}; ask for a first and a last one of them",
            document.lines
        )));
    }
    let first = usize::try_from(lines.from - 1).unwrap_or(usize::MAX);
    let count = usize::try_from(lines.to - lines.from + 1).unwrap_or(usize::MAX);
    let (mut shown, mut last, mut next_line) = (String::new(), lines.from, None);
    for (line, number) in text.lines().skip(first).take(count).zip(lines.from..) {
        if !shown.is_empty() && shown.len() + line.len() > MOST_BYTES {
            next_line = Some(number);
            break;
        }
        shown.push_str(&line[..line.floor_char_boundary(MOST_BYTES)]);
        shown.push('\n');
        last = number;
    }
    document.text = Some(neutralise(&shown));
    Ok(Excerpt {
        document,
        lines: Lines {
            from: lines.from,
            to: last,
        },
        next_line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document {
            document_id: DocumentId::new(),
            repository_id: RepositoryId::new(),
            path: "a.md".into(),
            commit: "c".into(),
            blob_sha: "b".into(),
            kind: DocumentKind::Docs,
            language: Language::English,
            bytes: 0,
            lines: u32::try_from(text.lines().count()).unwrap(),
            skipped: None,
            text: Some(text.into()),
        }
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let lines = Lines { from: 2, to: 9 };
        let found = excerpt(document("one\ntwo\nthree"), Some(lines)).unwrap();
        assert_eq!(found.document.text.as_deref(), Some("two\nthree\n"));
        assert_eq!(found.lines, Lines { from: 2, to: 3 });
        for bad in [(0, 1), (2, 1), (4, 4)] {
            let lines = Lines {
                from: bad.0,
                to: bad.1,
            };
            assert!(
                excerpt(document("one\ntwo\nthree"), Some(lines)).is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_long_document_comes_in_parts() {
        let text = "x".repeat(1000) + "\n";
        let found = excerpt(document(&text.repeat(100)), None).unwrap();
        assert_eq!(found.next_line, Some(66));
        assert_eq!(found.lines, Lines { from: 1, to: 65 });
    }
}
