//! How a search is made: by a look at every vector, or by the index, and by which of a question's words.

/// Up to so many vectors, each is looked at: exact, and not slower than the index, which must step over what the filter
/// leaves out. Measured: about 2 µs a vector.
pub(super) const MOST_EXACT: u64 = 10_000;
/// Candidates that the index looks at, at least: recall 0.995 of 10 over 50,000 vectors of 384 numbers.
const LOOKED_AT: u64 = 100;
/// The index gives up after so many vectors, or after thirty times what the filter should need.
const LEAST_SCANNED: u64 = 20_000;
const MOST_SCANNED: u64 = 400_000;
const SPARE: u64 = 30;
/// The filter leaves all but this part of the model's vectors in: it costs nothing to look behind.
const NEARLY_ALL: f64 = 0.9;

/// A word in more than this part of the passages tells nothing apart.
const MOST_COMMON: f64 = 0.1;
/// Passages that may bear one of the words looked up, about.
const MOST_BEARERS: f64 = 2_000.0;

/// How the nearest vectors are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// Every vector of the scope is compared.
    Exact,
    /// The model's index, looking at `ef_search` candidates.
    Index { ef_search: u64 },
    /// The model's index, which goes on behind what the filter leaves out, up to so many vectors.
    Iterative { ef_search: u64, max_scan_tuples: u64 },
}

/// Chooses. `in_scope` vectors pass the filter, of `in_model` that the index holds; `wanted` are to be found.
pub(super) fn scan(in_scope: u64, in_model: u64, wanted: u64) -> Scan {
    let ef_search = LOOKED_AT.max(wanted.saturating_mul(2)).min(1_000);
    if in_scope <= MOST_EXACT.max(wanted) {
        return Scan::Exact;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of rows, compared roughly")]
    if in_scope as f64 >= in_model as f64 * NEARLY_ALL {
        return Scan::Index { ef_search };
    }
    let needed = in_model
        .saturating_mul(wanted)
        .div_ceil(in_scope)
        .saturating_mul(SPARE);
    Scan::Iterative {
        ef_search,
        max_scan_tuples: needed.clamp(LEAST_SCANNED, MOST_SCANNED),
    }
}

/// A word of a question, and the part of the passages in scope that bear it, as far as it is known to be common.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub word: String,
    pub share: f64,
}

/// The words worth looking up, rarest first: without those that tell nothing apart, as long as one is left, and no more than
/// can be ranked at once.
pub(super) fn telling(mut words: Vec<Word>, passages: u64) -> Vec<String> {
    words.sort_by(|a, b| a.share.total_cmp(&b.share).then_with(|| a.word.cmp(&b.word)));
    let mut bearers = 0.0;
    let mut kept = Vec::new();
    for Word { word, share } in words {
        #[expect(clippy::cast_precision_loss, reason = "counts of rows, compared roughly")]
        let more = share * passages as f64;
        let is_too_common = share > MOST_COMMON || bearers + more > MOST_BEARERS;
        if is_too_common && !kept.is_empty() {
            break;
        }
        bearers += more;
        kept.push(word);
    }
    kept
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty(0, 0, 10, Scan::Exact)]
    #[case::small(9_999, 1_000_000, 10, Scan::Exact)]
    #[case::a_tenth(10_000, 100_000, 10, Scan::Exact)]
    #[case::all(100_000, 100_000, 10, Scan::Index { ef_search: 100 })]
    #[case::nearly_all(95_000, 100_000, 100, Scan::Index { ef_search: 200 })]
    #[case::a_fifth(20_000, 100_000, 10, Scan::Iterative { ef_search: 100, max_scan_tuples: 20_000 })]
    #[case::a_hundredth(11_000, 1_100_000, 100, Scan::Iterative { ef_search: 200, max_scan_tuples: 300_000 })]
    #[case::a_thousandth(11_000, 11_000_000, 100, Scan::Iterative { ef_search: 200, max_scan_tuples: 400_000 })]
    fn the_scan_follows_the_filter(
        #[case] in_scope: u64,
        #[case] in_model: u64,
        #[case] wanted: u64,
        #[case] expected: Scan,
    ) {
        assert_eq!(scan(in_scope, in_model, wanted), expected);
    }

    #[rstest]
    #[case::rare_first(&[("the", 0.9), ("lease", 0.0), ("slot", 0.01)], &["lease", "slot"])]
    #[case::only_common(&[("the", 0.9), ("of", 0.8)], &["of"])]
    #[case::bounded(&[("a", 0.015), ("b", 0.016)], &["a"])]
    #[case::none(&[], &[])]
    fn common_words_are_left_out(#[case] words: &[(&str, f64)], #[case] expected: &[&str]) {
        let words = words.iter().map(|(word, share)| Word {
            word: (*word).to_owned(),
            share: *share,
        });
        assert_eq!(telling(words.collect(), 100_000), expected);
    }
}
