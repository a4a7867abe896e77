//! BERT's forward pass in single precision. Texts of any lengths lie one after the other in one matrix, so nothing is padded and
//! no mask is needed: only attention looks at one text at a time.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, concatenate};
use pulp::Arch;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::Deserialize;

use crate::vectorized::{gelu, normalize, softmax};

/// What `config.json` says of the model.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    num_hidden_layers: usize,
    num_attention_heads: usize,
    layer_norm_eps: f32,
}

/// Why weights make no model.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("its tensors cannot be read: {0}")]
    Tensors(#[from] safetensors::SafeTensorError),
    #[error("the tensor {0} has another type or shape than BERT's")]
    Shape(String),
}

pub(crate) struct Bert {
    words: Array2<f32>,
    places: Array2<f32>,
    /// The kind of sentence, which is always the first.
    kind: Array1<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
    arch: Arch,
}

struct Layer {
    /// Query, key and value in one.
    attended: Linear,
    attention: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    down_norm: Norm,
}

/// `x · weightᵀ + bias`
struct Linear {
    weight: Array2<f32>,
    bias: Array1<f32>,
}

struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    eps: f32,
}

impl Bert {
    pub(crate) fn load(weights: &[u8], config: &Config) -> Result<Self, Broken> {
        let file = File(SafeTensors::deserialize(weights)?);
        let norm = |name: &str| file.norm(name, config.layer_norm_eps);
        let layers = (0..config.num_hidden_layers).map(|layer| {
            let at = |name: &str| format!("encoder.layer.{layer}.{name}");
            let one = |name: &str| file.linear(&at(&format!("attention.self.{name}")));
            Ok(Layer {
                attended: Linear::beside(&[one("query")?, one("key")?, one("value")?])?,
                attention: file.linear(&at("attention.output.dense"))?,
                attention_norm: norm(&at("attention.output.LayerNorm"))?,
                up: file.linear(&at("intermediate.dense"))?,
                down: file.linear(&at("output.dense"))?,
                down_norm: norm(&at("output.LayerNorm"))?,
            })
        });
        Ok(Self {
            words: file.matrix("embeddings.word_embeddings.weight")?,
            places: file.matrix("embeddings.position_embeddings.weight")?,
            kind: file
                .matrix("embeddings.token_type_embeddings.weight")?
                .row(0)
                .to_owned(),
            norm: norm("embeddings.LayerNorm")?,
            layers: layers.collect::<Result<_, Broken>>()?,
            heads: config.num_attention_heads,
            arch: Arch::new(),
        })
    }

    /// The direction of the mean of a text's states, with unit length, for each text.
    pub(crate) fn embed(&self, texts: &[&[u32]]) -> Vec<Vec<f32>> {
        let mut ranges = Vec::with_capacity(texts.len());
        let mut rows = 0;
        for text in texts {
            ranges.push(rows..rows + text.len());
            rows += text.len();
        }
        let states = self.states(texts, &ranges);
        let of_text = |range: Range<usize>| {
            let sum = states.slice_axis(Axis(0), range.into()).sum_axis(Axis(0));
            let length = sum.dot(&sum).sqrt();
            (sum / length).to_vec()
        };
        ranges.into_iter().map(of_text).collect()
    }

    fn states(&self, texts: &[&[u32]], ranges: &[Range<usize>]) -> Array2<f32> {
        let rows = ranges.last().map_or(0, |range| range.end);
        let width = self.kind.len();
        let mut states = Array2::zeros((rows, width));
        let tokens = texts.iter().flat_map(|text| text.iter().enumerate());
        for (mut state, (place, &token)) in states.rows_mut().into_iter().zip(tokens) {
            state += &self.words.row(token as usize);
            state += &self.places.row(place);
            state += &self.kind;
        }
        self.norm.apply(self.arch, &mut states);
        let mut attended = Array2::zeros((rows, 3 * width));
        let mut context = Array2::zeros((rows, width));
        let mut raised = Array2::zeros((rows, self.layers.first().map_or(0, |layer| layer.up.bias.len())));
        for layer in &self.layers {
            layer.attended.apply(&states, &mut attended);
            for range in ranges {
                let of_text = context.slice_axis_mut(Axis(0), range.clone().into());
                self.attend(&attended.slice_axis(Axis(0), range.clone().into()), of_text);
            }
            layer.attention.add(&context, &mut states);
            layer.attention_norm.apply(self.arch, &mut states);
            layer.up.apply(&states, &mut raised);
            for mut row in raised.rows_mut() {
                row.as_slice_mut()
                    .into_iter()
                    .for_each(|row| gelu(self.arch, row));
            }
            layer.down.add(&raised, &mut states);
            layer.down_norm.apply(self.arch, &mut states);
        }
        states
    }

    fn attend(&self, attended: &ArrayView2<'_, f32>, mut context: ArrayViewMut2<'_, f32>) {
        let (rows, width) = context.dim();
        let size = width / self.heads;
        #[expect(clippy::cast_precision_loss, reason = "a head has 32 numbers")]
        let scale = 1.0 / (size as f32).sqrt();
        let mut scores = Array2::zeros((rows, rows));
        for head in 0..self.heads {
            let part = |of: usize| {
                let from = of * width + head * size;
                attended.slice_axis(Axis(1), (from..from + size).into())
            };
            general_mat_mul(scale, &part(0), &part(1).t(), 0.0, &mut scores);
            for mut row in scores.rows_mut() {
                row.as_slice_mut()
                    .into_iter()
                    .for_each(|row| softmax(self.arch, row));
            }
            let mut of_head = context.slice_axis_mut(Axis(1), (head * size..(head + 1) * size).into());
            general_mat_mul(1.0, &scores, &part(2), 0.0, &mut of_head);
        }
    }
}

impl Linear {
    fn beside(parts: &[Self]) -> Result<Self, Broken> {
        let weights: Vec<_> = parts.iter().map(|part| part.weight.view()).collect();
        let biases: Vec<_> = parts.iter().map(|part| part.bias.view()).collect();
        let unlike = |_| Broken::Shape("attention.self".to_owned());
        Ok(Self {
            weight: concatenate(Axis(0), &weights).map_err(unlike)?,
            bias: concatenate(Axis(0), &biases).map_err(unlike)?,
        })
    }

    fn apply(&self, from: &Array2<f32>, to: &mut Array2<f32>) {
        to.assign(&self.bias);
        general_mat_mul(1.0, from, &self.weight.t(), 1.0, to);
    }

    fn add(&self, from: &Array2<f32>, to: &mut Array2<f32>) {
        *to += &self.bias;
        general_mat_mul(1.0, from, &self.weight.t(), 1.0, to);
    }
}

impl Norm {
    fn apply(&self, arch: Arch, states: &mut Array2<f32>) {
        let (Some(weight), Some(bias)) = (self.weight.as_slice(), self.bias.as_slice()) else {
            return;
        };
        for mut row in states.rows_mut() {
            row.as_slice_mut()
                .into_iter()
                .for_each(|row| normalize(arch, row, (weight, bias), self.eps));
        }
    }
}

/// The tensors by name.
struct File<'a>(SafeTensors<'a>);

impl File<'_> {
    fn numbers(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), Broken> {
        let tensor = self.0.tensor(name)?;
        if tensor.dtype() != Dtype::F32 {
            return Err(Broken::Shape(name.to_owned()));
        }
        let (numbers, _) = tensor.data().as_chunks();
        let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
        Ok((tensor.shape().to_vec(), numbers.collect()))
    }

    fn matrix(&self, name: &str) -> Result<Array2<f32>, Broken> {
        let unlike = || Broken::Shape(name.to_owned());
        let (shape, numbers) = self.numbers(name)?;
        let &[rows, columns] = &*shape else {
            return Err(unlike());
        };
        Array2::from_shape_vec((rows, columns), numbers).map_err(|_| unlike())
    }

    fn vector(&self, name: &str) -> Result<Array1<f32>, Broken> {
        Ok(Array1::from_vec(self.numbers(name)?.1))
    }

    fn linear(&self, name: &str) -> Result<Linear, Broken> {
        Ok(Linear {
            weight: self.matrix(&format!("{name}.weight"))?,
            bias: self.vector(&format!("{name}.bias"))?,
        })
    }

    fn norm(&self, name: &str, eps: f32) -> Result<Norm, Broken> {
        Ok(Norm {
            weight: self.vector(&format!("{name}.weight"))?,
            bias: self.vector(&format!("{name}.bias"))?,
            eps,
        })
    }
}
