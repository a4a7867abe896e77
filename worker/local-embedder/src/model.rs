//! The forward pass: batches of texts that are about equally long, mean of the tokens, unit length.

use std::path::Path;

use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, DTYPE};
use tokenizers::{Tokenizer, TruncationParams};

use crate::LoadError;
use crate::weights;

/// What the model was trained to read; the rest of a longer text is left out.
pub const MOST_TOKENS: usize = 256;

/// Most tokens in one pass, padding counted: bounds its memory.
const PASS_TOKENS: usize = 2048;

/// Why texts have no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error("the tokenizer failed: {0}")]
    Tokenizer(#[from] tokenizers::Error),
    #[error("the model failed: {0}")]
    Model(#[from] candle_core::Error),
}

/// The model in memory: about 110 MB, and 60 more while it works.
pub struct MiniLm {
    model: BertModel,
    tokenizer: Tokenizer,
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
        let config: Config = serde_json::from_slice(&files.config).map_err(|error| broken(&error))?;
        let mut tokenizer = Tokenizer::from_bytes(&files.tokenizer).map_err(|error| broken(&error))?;
        let truncation = TruncationParams {
            max_length: MOST_TOKENS,
            ..TruncationParams::default()
        };
        // Its file pads everything to 128 tokens; we pad to the longest of a pass.
        tokenizer
            .with_padding(None)
            .with_truncation(Some(truncation))
            .map_err(|error| broken(&error))?;
        let variables = VarBuilder::from_buffered_safetensors(files.weights, DTYPE, &Device::Cpu)
            .map_err(|error| broken(&error))?;
        let model = BertModel::load(variables, &config).map_err(|error| broken(&error))?;
        Ok(Self { model, tokenizer })
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
        let mut vectors = vec![Vec::new(); texts.len()];
        let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
        for pass in passes(&lengths) {
            let of_pass: Vec<&[u32]> = pass.iter().map(|&index| &*tokens[index]).collect();
            for (index, vector) in pass.iter().zip(self.pass(&of_pass)?) {
                vectors[*index] = vector;
            }
        }
        Ok(vectors)
    }

    fn pass(&self, tokens: &[&[u32]]) -> Result<Vec<Vec<f32>>, candle_core::Error> {
        let longest = tokens.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for text in tokens {
            ids.extend_from_slice(text);
            ids.resize(ids.len() + longest - text.len(), 0);
            mask.resize(mask.len() + text.len(), 1_f32);
            mask.resize(ids.len(), 0.0);
        }
        let shape = (tokens.len(), longest);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let states = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        // The direction of the sum is the direction of the mean.
        let sums = states.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
        let lengths = sums.sqr()?.sum_keepdim(1)?.sqrt()?;
        sums.broadcast_div(&lengths)?.to_vec2()
    }
}

/// Puts texts together that are about equally long, so that little is padded.
fn passes(lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| lengths[index]);
    let mut passes: Vec<Vec<usize>> = Vec::new();
    for index in order {
        let fits = passes.last().is_some_and(|pass| {
            let shortest = lengths[pass[0]];
            lengths[index] <= shortest + shortest / 4 + 4 && (pass.len() + 1) * lengths[index] <= PASS_TOKENS
        });
        match passes.last_mut() {
            Some(pass) if fits => pass.push(index),
            _ => passes.push(vec![index]),
        }
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_holds_texts_of_about_one_length_and_no_more_than_memory_allows() {
        assert_eq!(passes(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(passes(&[256, 10, 12, 250]), [vec![1, 2], vec![3, 0]]);
        let many = passes(&[256; 20]);
        assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 4]);
    }
}
