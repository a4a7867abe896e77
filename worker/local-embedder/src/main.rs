//! The program `local-embedder`: holds the model for the worker that started it, and ends with its standard input.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use local_embedder::talk::{Answer, Greeting, Question};
use local_embedder::{CHECKSUM, DIMS, MiniLm, NAME};
use serde::Serialize;

/// Gives texts their vectors: a JSON object a line, in and out.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The folder with the files of all-MiniLM-L6-v2
    #[arg(long)]
    weights: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let model = MiniLm::load(&Cli::parse().weights)?;
    let mut out = std::io::stdout().lock();
    say(
        &mut out,
        &Greeting {
            name: NAME.to_owned(),
            dims: DIMS,
            checksum: CHECKSUM.to_owned(),
        },
    )?;
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?).context("a question")?;
        let vectors = model.embed(&question.texts)?;
        say(&mut out, &Answer { vectors })?;
    }
    Ok(())
}

fn say(out: &mut impl Write, words: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, words)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}
