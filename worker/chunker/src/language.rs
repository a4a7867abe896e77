//! Which grammar a file has, and which language its words.

use tree_sitter::Language;
use whatlang::{Detector, Lang};

use crate::Kind;

/// The language of a text's words: it decides which endings are the same word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tongue {
    English,
    Russian,
    /// Any other: words are taken as they are.
    Simple,
}

impl Tongue {
    /// The name of PostgreSQL's text search configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "english",
            Self::Russian => "russian",
            Self::Simple => "simple",
        }
    }
}

/// So much of a text tells its language.
const SAMPLE_CHARS: usize = 4_000;
/// Below this share of letters beyond ASCII a text is taken for English: code is, and no detector knows code.
const FOREIGN_SHARE: usize = 10;

pub(crate) fn tongue(text: &str) -> Tongue {
    let letters: String = text
        .chars()
        .filter(|letter| letter.is_alphabetic() || letter.is_whitespace())
        .take(SAMPLE_CHARS)
        .collect();
    let foreign = letters.chars().filter(|letter| !letter.is_ascii()).count();
    let all = letters.chars().filter(|letter| letter.is_alphabetic()).count();
    if foreign * FOREIGN_SHARE < all {
        return Tongue::English;
    }
    let foreign: String = letters
        .chars()
        .filter(|letter| !letter.is_ascii() || letter.is_whitespace())
        .collect();
    match Detector::new().detect_lang(&foreign) {
        Some(Lang::Rus) => Tongue::Russian,
        _ => Tongue::Simple,
    }
}

/// The grammar of a file's extension.
pub(crate) fn grammar(extension: &str) -> Option<Language> {
    Some(match extension {
        "rs" => tree_sitter_rust::LANGUAGE.into(),
        "go" => tree_sitter_go::LANGUAGE.into(),
        "ts" | "mts" | "cts" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        "tsx" => tree_sitter_typescript::LANGUAGE_TSX.into(),
        "js" | "mjs" | "cjs" | "jsx" => tree_sitter_javascript::LANGUAGE.into(),
        "py" | "pyi" => tree_sitter_python::LANGUAGE.into(),
        "vue" => tree_sitter_vue_next::LANGUAGE.into(),
        "yaml" | "yml" => tree_sitter_yaml::LANGUAGE.into(),
        "sql" => tree_sitter_sequel::LANGUAGE.into(),
        _ => return None,
    })
}

pub(crate) fn is_markdown(extension: &str) -> bool {
    matches!(extension, "md" | "markdown" | "mdx")
}

/// What a file without a grammar is: what people read, or what programs do.
pub(crate) fn kind(path: &str) -> Kind {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let read = matches!(extension, "txt" | "rst" | "adoc" | "asciidoc" | "org");
    let telling = [
        "README",
        "LICENSE",
        "CHANGELOG",
        "CONTRIBUTING",
        "NOTICE",
        "AUTHORS",
    ];
    if read || (extension.is_empty() && telling.contains(&stem.to_ascii_uppercase().as_str())) {
        Kind::Docs
    } else {
        Kind::Code
    }
}
