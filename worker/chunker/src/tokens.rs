//! How long a text is for an embedding model.

use text_splitter::{ChunkConfig, ChunkSizer};

/// No passage is longer.
pub const MOST_TOKENS: usize = 400;
/// What a passage aims at: a model that reads 256 tokens should see it whole.
const AIM: usize = 240;
/// Word-piece vocabularies hold most English words up to this length whole, and cut longer ones about so often.
const LETTERS: usize = 5;

/// Counts tokens the way word-piece vocabularies do, without one: a word is a piece per five letters, and each mark
/// counts. An estimate on the high side, the same for every model.
pub fn tokens(text: &str) -> usize {
    let mut count = 0;
    let mut word = 0;
    for letter in text.chars() {
        if letter.is_alphanumeric() {
            // Letters beyond Latin are rarer in the vocabularies: most stand alone or in pairs.
            word += if letter.is_ascii() { 2 } else { 4 };
            continue;
        }
        count += pieces(word) + usize::from(!letter.is_whitespace());
        word = 0;
    }
    count + pieces(word)
}

fn pieces(half_letters: usize) -> usize {
    half_letters.div_ceil(2 * LETTERS)
}

/// Measures passages by [`tokens`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens;

impl ChunkSizer for Tokens {
    fn size(&self, chunk: &str) -> usize {
        tokens(chunk)
    }
}

pub(crate) fn budget() -> ChunkConfig<Tokens> {
    ChunkConfig::new(AIM).with_sizer(Tokens)
}

/// Whether a text is a passage as it is.
pub(crate) fn fits(text: &str) -> bool {
    tokens(text) <= MOST_TOKENS
}
