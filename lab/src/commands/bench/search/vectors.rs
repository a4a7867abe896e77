//! Vectors by the model that the worker uses. They are kept by the hash of their text, so that a second bench is quick.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use orchestrator::ports::Embedder;
use sha2::{Digest, Sha256};

const DIMS: usize = 384;
const KEY: usize = 32;
const RECORD: usize = KEY + DIMS * size_of::<f32>();
/// Texts shown to the model at once.
const BATCH: usize = 256;

type Key = [u8; KEY];

/// The file, and all that is in it.
pub(super) struct Vectors {
    file: PathBuf,
    known: HashMap<Key, Vec<f32>>,
}

/// What had to be made, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) texts: usize,
    pub(super) took: Duration,
}

impl Vectors {
    /// Those of this model that were kept; a half record at the end, of a bench that was killed, is none.
    pub(super) fn open(folder: &Path, checksum: &str) -> anyhow::Result<Self> {
        let file = folder.join(format!("vectors-{}.bin", &checksum[..12]));
        let mut known = HashMap::new();
        if file.exists() {
            let opened = OpenOptions::new().read(true).write(true).open(&file)?;
            let whole = opened.metadata()?.len() / RECORD as u64;
            opened.set_len(whole * RECORD as u64)?;
            let mut reader = BufReader::new(opened);
            let mut record = [0; RECORD];
            for _ in 0..whole {
                reader.read_exact(&mut record)?;
                let (key, vector) = record.split_first_chunk().context("a record has a key")?;
                known.insert(*key, numbers(vector));
            }
        }
        Ok(Self { file, known })
    }

    /// Makes what is missing, a batch at a time; what was made is kept, whatever happens then.
    pub(super) async fn make(&mut self, embedder: &dyn Embedder, texts: &[String]) -> anyhow::Result<Made> {
        let mut missing: HashMap<Key, &String> = HashMap::new();
        for text in texts {
            if !self.known.contains_key(&key(text)) {
                missing.insert(key(text), text);
            }
        }
        let missing: Vec<_> = missing.into_iter().collect();
        let began = Instant::now();
        for (done, batch) in missing.chunks(BATCH).enumerate() {
            let texts: Vec<_> = batch.iter().map(|(_, text)| (*text).clone()).collect();
            let vectors = embedder.embed(&texts).await?;
            let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
            for ((key, _), vector) in batch.iter().zip(vectors) {
                keep(&mut file, key, &vector)?;
                self.known.insert(*key, vector);
            }
            if done % 20 == 0 {
                eprintln!("  {} of {} vectors", done * BATCH, missing.len());
            }
        }
        Ok(Made {
            texts: missing.len(),
            took: began.elapsed(),
        })
    }

    pub(super) fn of(&self, text: &str) -> anyhow::Result<&Vec<f32>> {
        self.known.get(&key(text)).context("a text whose vector was made")
    }
}

fn keep(file: &mut File, key: &Key, vector: &[f32]) -> anyhow::Result<()> {
    let mut record = key.to_vec();
    for number in vector {
        record.extend(number.to_le_bytes());
    }
    anyhow::ensure!(record.len() == RECORD, "a vector of {} numbers", vector.len());
    Ok(file.write_all(&record)?)
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn key(text: &str) -> Key {
    Sha256::digest(text).into()
}
