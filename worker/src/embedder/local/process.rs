//! The process that holds the model, and the lines that are spoken with it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use orchestrator::ports::EmbeddingModel;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Reading and checking 91 MB of weights, on a busy machine.
const START: Duration = Duration::from_mins(1);
/// One piece of work.
const ANSWER: Duration = Duration::from_mins(1);
/// A line of eight vectors is 50 KB.
const LINE_BYTES: u64 = 4 << 20;
/// What a process that fails may say about it.
const WORDS_BYTES: u64 = 2048;
/// More threads than this gain little.
const THREADS: usize = 4;

/// What a process is started from.
pub(super) struct Origin {
    pub(super) program: PathBuf,
    pub(super) weights: PathBuf,
    pub(super) model: EmbeddingModel,
}

#[derive(Deserialize)]
struct Greeting {
    name: String,
    dims: i16,
    checksum: String,
}

#[derive(Serialize)]
struct Question<'a> {
    texts: &'a [String],
}

#[derive(Deserialize)]
struct Answer {
    vectors: Vec<Vec<f32>>,
}

/// A process that greeted; it is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts it and waits for its greeting. An error is for people to read.
    pub(super) async fn start(origin: &Origin) -> Result<Self, String> {
        let program = origin.program.display();
        let mut child = command(origin)
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{program} has no pipes"));
        };
        let mut process = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        };
        let greeting = match timeout(START, process.hear::<Greeting>()).await {
            Ok(Ok(greeting)) => greeting,
            Ok(Err(error)) => return Err(process.last_words().await.unwrap_or(error)),
            Err(_) => return Err(format!("{program} was not ready in {} s", START.as_secs())),
        };
        let wanted = &origin.model;
        let found = (greeting.name, greeting.dims, greeting.checksum);
        if found != (wanted.name.clone(), wanted.dims, wanted.checksum.clone()) {
            return Err(format!("{program} holds another model: {}", found.0));
        }
        Ok(process)
    }

    /// A vector for each text.
    pub(super) async fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        let exchange = async {
            let mut line = serde_json::to_vec(&Question { texts }).map_err(|error| error.to_string())?;
            line.push(b'\n');
            let said = self.stdin.write_all(&line).await;
            said.map_err(|error| format!("its process does not listen: {error}"))?;
            self.hear::<Answer>().await
        };
        match timeout(ANSWER, exchange).await {
            Ok(answer) => answer.map(|answer| answer.vectors),
            Err(_) => Err(format!("no vectors in {} s", ANSWER.as_secs())),
        }
    }

    async fn hear<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, String> {
        let mut line = Vec::new();
        let read = (&mut self.stdout)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)
            .await;
        match read {
            Ok(0) => Err("its process ended".to_owned()),
            Ok(_) => serde_json::from_slice(&line)
                .map_err(|error| format!("its process spoke in riddles: {error}")),
            Err(error) => Err(format!("its process cannot be heard: {error}")),
        }
    }

    /// What a process that is ending says about it.
    async fn last_words(&mut self) -> Option<String> {
        let mut words = String::new();
        let stderr = self.child.stderr.take()?.take(WORDS_BYTES);
        let read = timeout(
            Duration::from_secs(1),
            BufReader::new(stderr).read_to_string(&mut words),
        )
        .await;
        let words = words.trim();
        (matches!(read, Ok(Ok(_))) && !words.is_empty()).then(|| words.to_owned())
    }
}

fn command(origin: &Origin) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.div_ceil(2).min(THREADS);
    let mut command = Command::new(&origin.program);
    command
        .arg("--weights")
        .arg(&origin.weights)
        .env_clear()
        // Of the model's arithmetic; half of the machine is left to others.
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
