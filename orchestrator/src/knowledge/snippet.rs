//! The lines of a passage that say why it was found.

use std::collections::BTreeSet;

use super::words;

/// Lines that are shown.
const LINES: usize = 8;
/// Bytes of a line that are shown.
const MAX_LINE_BYTES: usize = 300;
/// Letters that two forms of a word share, at least: `lease` and `leases`, `слот` and `слоты`.
const STEM: usize = 4;

/// A part of a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    pub text: String,
    /// Lines of the passage before it.
    pub skipped: usize,
    /// Words of it that the question has, as they stand there.
    pub matched: Vec<String>,
}

/// Finds the lines with the most words of the question; the first ones, if none has any.
pub(super) fn snippet(text: &str, question: &words::Question) -> Snippet {
    let asked: Vec<_> = question
        .words
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect();
    let lines: Vec<_> = text.lines().collect();
    let matches: Vec<BTreeSet<&str>> = lines.iter().map(|line| matched(line, &asked)).collect();
    let shown = LINES.min(lines.len());
    let last = lines.len() - shown;
    let worth = |start: usize| {
        let words: BTreeSet<_> = matches[start..start + shown].iter().flatten().collect();
        words.len()
    };
    // The first of the best.
    let start = (0..=last)
        .max_by_key(|&start| (worth(start), last - start))
        .unwrap_or(0);
    let found: BTreeSet<_> = matches[start..start + shown].iter().flatten().copied().collect();
    Snippet {
        text: lines[start..start + shown]
            .iter()
            .map(|line| cut(line))
            .collect::<Vec<_>>()
            .join("\n"),
        skipped: start,
        matched: found.into_iter().map(str::to_owned).collect(),
    }
}

fn cut(line: &str) -> String {
    let end = line.floor_char_boundary(MAX_LINE_BYTES);
    if end == line.len() {
        line.to_owned()
    } else {
        format!("{}…", &line[..end])
    }
}

fn matched<'a>(line: &'a str, asked: &[&str]) -> BTreeSet<&'a str> {
    words::tokens(line)
        .filter(|token| {
            words::parts(token)
                .iter()
                .any(|part| asked.iter().any(|word| is_form(part, word)))
        })
        .collect()
}

/// Whether two words are forms of one, roughly: this only marks words, it finds none.
fn is_form(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let (short, long) = (
        a.chars().count().min(b.chars().count()),
        a.chars().count().max(b.chars().count()),
    );
    shared >= STEM && shared + 2 >= short && long - shared <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str) -> words::Question {
        words::Question::new(text).unwrap()
    }

    #[test]
    fn the_lines_that_answer_are_shown() {
        let mut lines: Vec<_> = (1..=40)
            .map(|line| format!("line {line} of other things"))
            .collect();
        lines[29] = "A frozen worker leases no slot.".into();
        let found = snippet(&lines.join("\n"), &question("which slots does lease_slot lease"));
        assert!(found.text.contains("leases no slot"), "{found:?}");
        assert_eq!(found.text.lines().count(), LINES);
        assert_eq!(found.matched, ["leases", "slot"]);
        assert_eq!(found.skipped, 22);
    }

    #[test]
    fn without_a_match_the_beginning_is_shown() {
        let found = snippet("one\ntwo", &question("nothing like it"));
        assert_eq!(
            (found.text.as_str(), found.skipped, found.matched.len()),
            ("one\ntwo", 0, 0)
        );
        assert_eq!(snippet("", &question("a")).text, "");
        let long = "x".repeat(10_000);
        assert!(snippet(&long, &question("x")).text.len() < 400);
    }
}
