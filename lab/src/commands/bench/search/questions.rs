//! Questions with known answers, chosen by rules that do not know what the search finds.

use std::collections::HashMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::corpus::Source;

/// So the choice is the same each time.
const SEED: &str = "codex-k8s";
/// Of each kind.
pub(super) const QUESTIONS: usize = 100;
/// A shorter name is likely a word, too.
const SHORTEST_NAME: usize = 6;
/// A shorter sentence says too little.
const LEAST_WORDS: usize = 7;

/// A question, and the one place that answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) path: String,
    /// The line that the right passage holds.
    pub(super) line: u32,
}

/// Names that are defined once in all the text: `pub fn`, `struct`, `enum`, `trait` or `union`, asked for by nothing but the
/// name.
pub(super) fn symbols(sources: &[Source]) -> Vec<Question> {
    let mut found: HashMap<String, Vec<Question>> = HashMap::new();
    for (path, text) in rust(sources) {
        for (line, number) in text.lines().zip(1..) {
            let Some(name) = defined(line) else { continue };
            found.entry(name.to_lowercase()).or_default().push(Question {
                text: name.to_owned(),
                path: path.to_owned(),
                line: number,
            });
        }
    }
    let once = found.into_values().filter_map(|mut places| {
        let only = places.pop()?;
        (places.is_empty() && only.text.len() >= SHORTEST_NAME).then_some(only)
    });
    chosen(once)
}

/// First sentences of what authors wrote about a public item, where no other item has the same one. The right passage holds the
/// sentence.
pub(super) fn sentences(sources: &[Source]) -> Vec<Question> {
    let mut found: HashMap<String, Vec<Question>> = HashMap::new();
    for (path, text) in rust(sources) {
        let lines: Vec<_> = text.lines().collect();
        for at in 0..lines.len() {
            let Some(first) = described(&lines, at) else {
                continue;
            };
            let sentence = first.trim_end_matches('.').replace(['`', '[', ']'], "");
            if sentence.split_whitespace().count() < LEAST_WORDS {
                continue;
            }
            let Ok(line) = u32::try_from(at + 1) else { continue };
            found.entry(sentence.clone()).or_default().push(Question {
                text: sentence,
                path: path.to_owned(),
                line,
            });
        }
    }
    let once = found.into_values().filter_map(|mut places| {
        let only = places.pop()?;
        places.is_empty().then_some(only)
    });
    chosen(once)
}

/// Code that is meant to be used: tests, examples and benches define what only they need.
fn rust(sources: &[Source]) -> impl Iterator<Item = (&str, &str)> {
    let of = sources
        .iter()
        .map(|source| (source.document.path.as_str(), source.document.text.as_str()));
    of.filter(|(path, _)| is_rust(path) && path.contains("/src/") && !path.contains("test"))
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|it| it == "rs")
}

/// The name that a line defines for everybody.
fn defined(line: &str) -> Option<&str> {
    let mut words = line.trim_start().strip_prefix("pub ")?.split_whitespace();
    let mut kind = words.next()?;
    while matches!(kind, "const" | "async" | "unsafe") {
        kind = words.next()?;
    }
    if !matches!(kind, "fn" | "struct" | "enum" | "trait" | "union") {
        return None;
    }
    let name = words.next()?;
    let end = name.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    Some(&name[..end.unwrap_or(name.len())])
}

/// The first line of a comment on the public item below it, if it is one whole sentence.
fn described<'a>(lines: &[&'a str], at: usize) -> Option<&'a str> {
    let comment = |at: usize| lines.get(at)?.trim_start().strip_prefix("///");
    let is_first = at == 0 || comment(at - 1).is_none();
    let first = comment(at)?.trim();
    let mut below = at;
    while comment(below).is_some()
        || lines
            .get(below)
            .is_some_and(|line| line.trim_start().starts_with("#["))
    {
        below += 1;
    }
    let is_whole = first.ends_with('.') && first.starts_with(char::is_uppercase);
    let item = defined(lines.get(below)?);
    (is_first && is_whole && item.is_some()).then_some(first)
}

fn chosen(all: impl Iterator<Item = Question>) -> Vec<Question> {
    let mut all: Vec<_> = all
        .map(|question| (Sha256::digest(format!("{SEED} {}", question.text)), question))
        .collect();
    all.sort_by_key(|(hash, _)| *hash);
    all.into_iter()
        .take(QUESTIONS)
        .map(|(_, question)| question)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_definitions_name_something() {
        assert_eq!(defined("pub fn poll_write(&self)"), Some("poll_write"));
        assert_eq!(
            defined("    pub const unsafe fn from_raw<T>(at: T)"),
            Some("from_raw")
        );
        assert_eq!(defined("pub struct Parser<'a> {"), Some("Parser"));
        assert_eq!(defined("fn hidden()"), None);
        assert_eq!(defined("pub(crate) fn inside()"), None);
        assert_eq!(defined("pub use other::Thing;"), None);
    }

    #[test]
    fn a_description_is_the_first_sentence_above_an_item() {
        let lines = [
            "/// Reads it all.",
            "///",
            "/// More.",
            "#[inline]",
            "pub fn read() {}",
            "/// Not whole",
            "pub fn x() {}",
        ];
        assert_eq!(described(&lines, 0), Some("Reads it all."));
        assert_eq!(described(&lines, 2), None);
        assert_eq!(described(&lines, 5), None);
    }
}
