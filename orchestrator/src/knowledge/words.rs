//! Words and identifiers of a text: what is looked up, and by what.
//!
//! PostgreSQL's own parser takes `a/b.c` for a file and `snake_case` for two words, so it is given plain words: every
//! identifier split where a person would, and whole besides.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Bytes of an identifier that are looked up whole.
const MAX_IDENTIFIER_BYTES: usize = 200;
/// Identifiers of a passage that are looked up whole.
const MOST_IDENTIFIERS: usize = 500;
/// Words of a question; the others are left out.
const MOST_WORDS: usize = 64;
/// The last position a word can have in a `tsvector`.
const LAST_POSITION: usize = 16_383;

/// Runs of letters, digits and underscores.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map(|token| token.trim_matches('_'))
        .filter(|token| !token.is_empty())
}

/// The words of an identifier, in lower case: at underscores, and where a capital begins one.
pub(super) fn parts(token: &str) -> Vec<String> {
    let letters: Vec<char> = token.chars().collect();
    let mut parts = vec![String::new()];
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if letter == '_' || begins {
            parts.push(String::new());
        }
        if letter != '_'
            && let Some(part) = parts.last_mut()
        {
            part.extend(letter.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// All words of a text, identifiers split.
pub(super) fn spread(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for part in tokens(text).flat_map(parts) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&part);
    }
    words
}

/// The identifiers of a text that are more than one word, whole and in lower case.
pub(super) fn identifiers(text: &str) -> BTreeSet<String> {
    tokens(text)
        .filter(|token| token.len() <= MAX_IDENTIFIER_BYTES && parts(token).len() > 1)
        .map(str::to_lowercase)
        .take(MOST_IDENTIFIERS)
        .collect()
}

/// A `tsvector` of words as they stand: the names a passage defines (A) and the identifiers it uses (C).
pub(super) fn exact(names: &[String], text: &str) -> String {
    let mut vector = String::new();
    let mut position = 0;
    let mut put = |word: &str, weight: char| {
        position = LAST_POSITION.min(position + 1);
        let separator = if vector.is_empty() { "" } else { " " };
        write!(vector, "{separator}{}:{position}{weight}", quoted(word)).expect("a string takes all");
    };
    for name in names.iter().filter(|name| name.len() <= MAX_IDENTIFIER_BYTES) {
        put(&name.to_lowercase(), 'A');
    }
    for identifier in identifiers(text) {
        put(&identifier, 'C');
    }
    vector
}

/// A word as `tsvector` and `tsquery` read it.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

/// What a person or an agent asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// As it was asked, clean.
    pub text: String,
    /// Its words, identifiers split.
    pub words: String,
    /// Single words that may be a name, whole and in lower case.
    pub names: Vec<String>,
    /// Few words: a passage that has them all is likely meant.
    pub is_short: bool,
}

impl Question {
    /// # Errors
    ///
    /// Says what to ask instead, where there is no word to search for.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let text: String = text
            .chars()
            .map(|c| if crate::agent::is_hidden(c) { ' ' } else { c })
            .collect();
        let split: Vec<_> = tokens(&text).flat_map(parts).take(MOST_WORDS).collect();
        if split.is_empty() {
            return Err(
                "query: there is no word in it to search for; ask with words, a name or a sentence, not with operators".into(),
            );
        }
        let whole: Vec<_> = tokens(&text).take(MOST_WORDS).collect();
        let is_short = whole.len() <= 3;
        let compound = |token: &&str| is_short || parts(token).len() > 1;
        let names: BTreeSet<_> = whole
            .iter()
            .filter(|token| token.len() <= MAX_IDENTIFIER_BYTES)
            .filter(|token| compound(token))
            .map(|token| token.to_lowercase())
            .collect();
        Ok(Self {
            words: split.join(" "),
            names: names.into_iter().collect(),
            is_short,
            text: text.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("parseHTTPServer", "parse http server")]
    #[case("snake_case_name", "snake case name")]
    #[case("std::mem::MaybeUninit<T>", "std mem maybe uninit t")]
    #[case("docs/how-to/install.md", "docs how to install md")]
    #[case("utf8 Sha256Hasher", "utf8 sha256 hasher")]
    #[case("Как перезапустить БазуДанных?", "как перезапустить базу данных")]
    #[case("&& || ! () -> ::", "")]
    #[case("__init__", "init")]
    fn a_text_is_spread_into_words(#[case] text: &str, #[case] words: &str) {
        assert_eq!(spread(text), words);
    }

    #[test]
    fn names_and_identifiers_are_kept_whole() {
        let names = ["MaybeUninit".to_owned(), "it's\\odd".to_owned()];
        assert_eq!(
            exact(&names, "let x = snake_case(other, parseX);"),
            r"'maybeuninit':1A 'it''s\\odd':2A 'parsex':3C 'snake_case':4C"
        );
    }

    #[rstest]
    #[case("MaybeUninit", &["maybeuninit"], true)]
    #[case("how does lease_slot work when it is frozen", &["lease_slot"], false)]
    #[case("retry backoff", &["backoff", "retry"], true)]
    #[case("how do I stop the server cleanly", &[], false)]
    fn a_question_knows_what_may_be_a_name(
        #[case] text: &str,
        #[case] names: &[&str],
        #[case] is_short: bool,
    ) {
        let question = Question::new(text).unwrap();
        assert_eq!(question.names, names);
        assert_eq!(question.is_short, is_short);
    }

    #[rstest]
    #[case("")]
    #[case("&& || !(<->)")]
    #[case("\u{202e}\u{200b} ' \\ ' : *")]
    fn a_question_without_a_word_is_refused(#[case] text: &str) {
        assert!(Question::new(text).unwrap_err().contains("no word"));
    }
}
