//! The model on this machine. A process of its own holds it (`local-embedder`), from the first text until nobody has asked for
//! some minutes: a worker that embeds nothing stays small, and a model that grows or hangs is ended without it.

mod process;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use orchestrator::ports::{Embedder, EmbedderError, EmbeddingModel};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::EmbedderConfig;
use process::{Origin, Process};

/// As the program greets; vectors of another model would be compared with what they cannot be compared with.
const NAME: &str = "all-MiniLM-L6-v2";
const DIMS: i16 = 384;
const CHECKSUM: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// The process ends when nobody has asked for this long.
const IDLE: Duration = Duration::from_mins(5);
/// A process that could not start is not tried again before.
const REST: Duration = Duration::from_secs(30);
/// Batches that wait.
const QUEUE: usize = 4;
/// Questions of people that wait.
const URGENT: usize = 64;
/// Texts the model reads before it looks whether a person waits.
const PIECE: usize = 8;

/// The adapter.
pub struct LocalEmbedder {
    model: EmbeddingModel,
    batches: mpsc::Sender<Ask>,
    urgent: mpsc::Sender<Ask>,
}

type Vectors = Vec<Vec<f32>>;

/// Texts that want vectors, and who waits for them.
struct Ask {
    texts: Vec<String>,
    answer: oneshot::Sender<Result<Vectors, EmbedderError>>,
}

impl LocalEmbedder {
    /// Prepares the adapter; the process starts at the first text.
    ///
    /// # Errors
    ///
    /// Nobody knows where this program is, and so where its neighbour would be.
    pub fn new(config: &EmbedderConfig) -> anyhow::Result<Self> {
        Self::with_idle(config, IDLE)
    }

    fn with_idle(config: &EmbedderConfig, idle: Duration) -> anyhow::Result<Self> {
        let program = match &config.embedder_program {
            Some(program) => program.clone(),
            None => beside()?,
        };
        let model = EmbeddingModel {
            name: NAME.to_owned(),
            dims: DIMS,
            checksum: CHECKSUM.to_owned(),
            is_external: false,
        };
        let origin = Origin {
            program,
            weights: config.embedder_weights.clone(),
            model: model.clone(),
        };
        let (batches, of_batches) = mpsc::channel(QUEUE);
        let (urgent, of_urgent) = mpsc::channel(URGENT);
        let keeper = Keeper {
            origin,
            idle,
            process: None,
            rests_until: None,
            urgent: of_urgent,
        };
        // It ends with the adapter, which holds the other ends.
        tokio::spawn(keeper.serve(of_batches));
        Ok(Self {
            model,
            batches,
            urgent,
        })
    }
}

fn beside() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("where this program is")?;
    Ok(this.with_file_name("local-embedder"))
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn model(&self) -> &EmbeddingModel {
        &self.model
    }

    async fn embed(&self, texts: &[String]) -> Result<Vectors, EmbedderError> {
        let (answer, answered) = oneshot::channel();
        // One text is a question that somebody waits for.
        let queue = if texts.len() == 1 {
            &self.urgent
        } else {
            &self.batches
        };
        let texts = texts.to_vec();
        let gone = || away("its keeper ended".to_owned());
        queue.send(Ask { texts, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// Holds the process, and gives it one piece of work after the other.
struct Keeper {
    origin: Origin,
    idle: Duration,
    process: Option<Process>,
    /// After a start that failed: until when, and why.
    rests_until: Option<(Instant, String)>,
    urgent: mpsc::Receiver<Ask>,
}

impl Keeper {
    async fn serve(mut self, mut batches: mpsc::Receiver<Ask>) {
        loop {
            let idle = self.idle;
            let may_end = self.process.is_some();
            tokio::select! {
                biased;
                ask = self.urgent.recv() => match ask {
                    Some(ask) => self.answer(ask).await,
                    None => return,
                },
                ask = batches.recv() => match ask {
                    Some(ask) => self.answer(ask).await,
                    None => return,
                },
                () = tokio::time::sleep(idle), if may_end => {
                    tracing::debug!("nobody asks the local model; its process ends");
                    self.process = None;
                }
            }
        }
    }

    /// Answers, and between the pieces of a batch the people who came meanwhile.
    async fn answer(&mut self, ask: Ask) {
        let mut vectors = Vec::with_capacity(ask.texts.len());
        for piece in ask.texts.chunks(PIECE) {
            while let Ok(urgent) = self.urgent.try_recv() {
                let found = self.embed(&urgent.texts).await;
                let _nobody_waits = urgent.answer.send(found);
            }
            if ask.answer.is_closed() {
                return;
            }
            match self.embed(piece).await {
                Ok(found) => vectors.extend(found),
                Err(error) => {
                    let _nobody_waits = ask.answer.send(Err(error));
                    return;
                }
            }
        }
        let _nobody_waits = ask.answer.send(Ok(vectors));
    }

    async fn embed(&mut self, texts: &[String]) -> Result<Vectors, EmbedderError> {
        let mut process = match self.process.take() {
            Some(process) => process,
            None => self.start().await?,
        };
        let vectors = process.embed(texts).await.map_err(away)?;
        // One that failed is not put back, and so is ended.
        self.process = Some(process);
        Ok(vectors)
    }

    async fn start(&mut self) -> Result<Process, EmbedderError> {
        if let Some((until, why)) = &self.rests_until
            && Instant::now() < *until
        {
            return Err(away(why.clone()));
        }
        match Process::start(&self.origin).await {
            Ok(process) => {
                self.rests_until = None;
                Ok(process)
            }
            Err(why) => {
                tracing::warn!(why, "the local model does not start");
                self.rests_until = Some((Instant::now() + REST, why.clone()));
                Err(away(why))
            }
        }
    }
}

fn away(message: String) -> EmbedderError {
    EmbedderError::Unavailable {
        message,
        retry_after: Some(REST),
    }
}
