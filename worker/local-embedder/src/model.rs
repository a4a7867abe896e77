//! Texts become tokens, tokens become vectors, on as many threads as there are processors.

use std::path::Path;
use std::thread;

use tokenizers::{Tokenizer, TruncationParams};

use crate::LoadError;
use crate::bert::Bert;
use crate::weights;

/// What the model was trained to read; the rest of a longer text is left out.
pub const MOST_TOKENS: usize = 256;

/// Most tokens in one pass, which bounds its memory to about 15 MB.
const PASS_TOKENS: usize = 1024;

/// Why texts have no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error("the tokenizer failed: {0}")]
    Tokenizer(#[from] tokenizers::Error),
    #[error("a thread of the model panicked")]
    Panicked,
}

/// The model in memory: about 110 MB, and 15 more for each thread while it works.
pub struct MiniLm {
    model: Bert,
    tokenizer: Tokenizer,
    threads: usize,
}

impl MiniLm {
    /// Loads the model from a folder that holds `model.safetensors`, `tokenizer.json` and `config.json`.
    ///
    /// # Errors
    ///
    /// A file is missing, or is not the pinned one.
    pub fn load(dir: &Path) -> Result<Self, LoadError> {
        let files = weights::read(dir)?;
        let broken = |error: &dyn std::fmt::Display| LoadError::Broken(error.to_string());
        let config = serde_json::from_slice(&files.config).map_err(|error| broken(&error))?;
        let mut tokenizer = Tokenizer::from_bytes(&files.tokenizer).map_err(|error| broken(&error))?;
        let truncation = TruncationParams {
            max_length: MOST_TOKENS,
            ..TruncationParams::default()
        };
        // Its file pads everything to 128 tokens; we pad nothing.
        tokenizer
            .with_padding(None)
            .with_truncation(Some(truncation))
            .map_err(|error| broken(&error))?;
        Ok(Self {
            model: Bert::load(&files.weights, &config).map_err(|error| broken(&error))?,
            tokenizer,
            threads: thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// A vector of unit length for each text, in their order.
    ///
    /// # Errors
    ///
    /// A defect: every text can be embedded, the empty one too.
    pub fn embed(&self, texts: &[impl AsRef<str>]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut tokens = Vec::with_capacity(texts.len());
        for text in texts {
            let encoding = self.tokenizer.encode_fast(text.as_ref(), true)?;
            tokens.push(encoding.get_ids().to_vec());
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for part in self.shared(&tokens)? {
            vectors.extend(part);
        }
        Ok(vectors)
    }

    /// Gives each thread about the same number of tokens.
    fn shared(&self, tokens: &[Vec<u32>]) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        let all: usize = tokens.iter().map(Vec::len).sum();
        let parts = runs(tokens, all.div_ceil(self.threads).max(MOST_TOKENS));
        let work = |part: &[Vec<u32>]| {
            let passes = runs(part, PASS_TOKENS).into_iter();
            passes
                .flat_map(|pass| {
                    let texts: Vec<_> = pass.iter().map(Vec::as_slice).collect();
                    self.model.embed(&texts)
                })
                .collect()
        };
        if let [part] = &*parts {
            return Ok(vec![work(part)]);
        }
        thread::scope(|scope| {
            let threads: Vec<_> = parts.iter().map(|part| scope.spawn(|| work(part))).collect();
            let ends = threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| EmbedError::Panicked));
            ends.collect()
        })
    }
}

/// Cuts texts into runs of at most so many tokens, or one text.
fn runs(texts: &[Vec<u32>], most: usize) -> Vec<&[Vec<u32>]> {
    let mut runs = Vec::new();
    let mut rest = texts;
    while !rest.is_empty() {
        let mut tokens = 0;
        let fits = rest.iter().take_while(|text| {
            tokens += text.len();
            tokens <= most
        });
        let (run, after) = rest.split_at(fits.count().max(1));
        runs.push(run);
        rest = after;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_holds_no_more_tokens_than_it_may_and_no_text_is_lost() {
        let lengths = |sizes: &[usize], most| {
            let texts: Vec<_> = sizes.iter().map(|&size| vec![0; size]).collect();
            let of_run = |run: &[Vec<u32>]| run.iter().map(Vec::len).collect();
            runs(&texts, most)
                .into_iter()
                .map(of_run)
                .collect::<Vec<Vec<_>>>()
        };
        assert_eq!(lengths(&[], 10), Vec::<Vec<usize>>::new());
        assert_eq!(
            lengths(&[4, 6, 1, 20, 3], 10),
            [vec![4, 6], vec![1], vec![20], vec![3]]
        );
    }
}
