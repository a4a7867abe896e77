/// Returns the numbers of the issues that a merge into the default branch closes.
///
/// GitHub: "Linking a pull request to an issue using a keyword".
pub(super) fn closes(text: &str) -> Vec<u64> {
    const KEYWORDS: [&str; 9] = [
        "close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.iter().zip(words.iter().skip(1));
    let named = pairs.filter_map(|(keyword, issue)| {
        let keyword = keyword.trim_end_matches(':').to_lowercase();
        let number = issue
            .strip_prefix('#')?
            .trim_end_matches(|letter: char| !letter.is_ascii_digit());
        if KEYWORDS.contains(&keyword.as_str()) {
            number.parse().ok()
        } else {
            None
        }
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_keyword_before_a_number_closes() {
        assert_eq!(
            super::closes("Fixes #1, closes: #2.\nSee #3. Resolved #4"),
            [1, 2, 4]
        );
        assert_eq!(super::closes("prefixes #1 and #2"), [0; 0]);
    }
}
