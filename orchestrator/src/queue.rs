//! A thin typed door to River: enqueue in the caller's transaction, perform with the error's kind deciding what next.

pub mod look;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use riverqueue::{
    BoxError, InsertOpts, JobArgs, JobRow, JobState, MaintenanceConfig, QueueConfig, RetryPolicy, RunHandle,
    UniqueOpts, WorkContext, WorkError, WorkOutcome,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Postgres, Transaction};
use tracing::Instrument;

use crate::actor::words;
use crate::error::{Error, Result};

pub(crate) type Client = riverqueue::Client;

/// Longest a job may run; longer work is split into jobs.
const JOB_TIMEOUT: Duration = Duration::from_secs(30);
/// A job that runs longer than this belongs to a dead worker.
const RESCUE_AFTER: Duration = Duration::from_secs(30);
const RESCUE_EVERY: Duration = Duration::from_secs(5);
/// What waits longest between two attempts.
const MAX_BACKOFF: Duration = Duration::from_mins(1);

/// A job is fetched so soon after the last fetch, and asked for so soon after the last notice: River's own tenth of a
/// second would be most of the time from a label to its pod.
const COOLDOWN: Duration = Duration::from_millis(10);

/// The queues, each with workers of its own: what one kind of job waits for holds up no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Deliveries, and the proof of results.
    Default,
    /// What asks the cluster.
    Cluster,
    /// Writes to the code host.
    Outward,
    /// Questions that somebody waits for now.
    Live,
    /// Reading repositories and making vectors: long, and nobody waits.
    Knowledge,
}

words!(Queue: Default = "default", Cluster = "cluster", Outward = "outward", Live = "live",
    Knowledge = "knowledge");

/// Jobs worked at once in this process, of each queue.
#[derive(Clone, Copy, Debug)]
pub struct Concurrency {
    pub default: usize,
    pub cluster: usize,
    pub outward: usize,
    pub live: usize,
    pub knowledge: usize,
}

impl Concurrency {
    /// The same for each queue.
    pub fn each(jobs: usize) -> Self {
        Self {
            default: jobs,
            cluster: jobs,
            outward: jobs,
            live: jobs,
            knowledge: jobs,
        }
    }

    fn of(self, queue: Queue) -> usize {
        match queue {
            Queue::Default => self.default,
            Queue::Cluster => self.cluster,
            Queue::Outward => self.outward,
            Queue::Live => self.live,
            Queue::Knowledge => self.knowledge,
        }
    }
}

/// Something to do later. It carries ids and re-reads the rest; a world that moved on makes it a no-op.
pub trait Job: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// `<context>.<verb>`. Stored: renaming it strands the rows that wait.
    const NAME: &'static str;
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: i32 = 25;
}

/// Does the jobs of one kind.
#[async_trait]
pub trait Perform<J: Job>: Send + Sync + 'static {
    /// Does it, or as much as there is still to do.
    async fn perform(&self, job: J, attempt: Attempt) -> Result<Done>;
}

/// Which try of a job this is.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Starts at 1.
    pub number: i32,
    /// No other will follow if this one fails.
    pub last: bool,
}

/// How a job ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Done,
    /// Nothing failed; look again after this long.
    Later(Duration),
}

/// River's view of one of our jobs.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
struct Args<J: Job>(J);

impl<J: Job> JobArgs for Args<J> {
    const KIND: &'static str = J::NAME;

    fn default_insert_opts() -> InsertOpts {
        // One live job per arguments: asking again while it waits or runs adds nothing.
        let live = [
            JobState::Available,
            JobState::Pending,
            JobState::Retryable,
            JobState::Running,
            JobState::Scheduled,
        ];
        InsertOpts::default()
            .with_queue(J::QUEUE.as_str())
            .with_max_attempts(J::MAX_ATTEMPTS)
            .with_unique(UniqueOpts::default().with_by_args(true).with_by_state(live))
    }
}

/// A client that can only insert.
pub(crate) fn insert_only(pool: &PgPool) -> Result<Client> {
    riverqueue::Client::builder(pool.clone())
        .fetch_cooldown(COOLDOWN)
        .build()
        .map_err(Error::internal)
}

/// The key of a job's metadata under which its trace stands (W3C trace context).
const TRACEPARENT: &str = "traceparent";

pub(crate) async fn insert<J: Job>(
    client: &Client,
    tx: &mut Transaction<'static, Postgres>,
    job: J,
    at: Option<Timestamp>,
    traceparent: Option<&str>,
) -> Result<()> {
    let mut opts = traceparent.map_or_else(InsertOpts::default, traced);
    if let Some(at) = at {
        opts = opts.with_scheduled_at(at);
    }
    client
        .insert(Args(job))
        .opts(opts)
        .tx(tx)
        .await
        .map_err(Error::internal)?;
    Ok(())
}

/// Inserts jobs of one kind at once, each with its trace.
pub(crate) async fn insert_all<J: Job>(
    client: &Client,
    tx: &mut Transaction<'static, Postgres>,
    jobs: Vec<(J, &str)>,
) -> Result<()> {
    let jobs = jobs
        .into_iter()
        .map(|(job, traceparent)| (Args(job), traced(traceparent)));
    client.insert_many(jobs).tx(tx).await.map_err(Error::internal)?;
    Ok(())
}

/// Makes a job due now, in the caller's transaction.
pub(crate) async fn retry(
    client: &Client,
    tx: &mut Transaction<'static, Postgres>,
    job_id: i64,
) -> Result<()> {
    client
        .jobs()
        .retry(job_id)
        .tx(tx)
        .await
        .map_err(Error::internal)?;
    Ok(())
}

fn traced(traceparent: &str) -> InsertOpts {
    let trace = (TRACEPARENT.to_owned(), traceparent.into());
    InsertOpts::default().with_metadata(serde_json::Map::from_iter([trace]))
}

/// The jobs a process can do.
#[derive(Default)]
pub struct Performers {
    workers: riverqueue::Workers,
}

impl Performers {
    /// Adds the performer of one kind.
    ///
    /// # Errors
    ///
    /// `Internal` if the kind has one already.
    pub fn add<J: Job>(&mut self, performer: impl Perform<J>) -> Result<()> {
        self.workers
            .add(Performer::<J> {
                performer: Arc::new(performer),
            })
            .map_err(Error::internal)?;
        Ok(())
    }
}

struct Performer<J: Job> {
    performer: Arc<dyn Perform<J>>,
}

impl<J: Job> riverqueue::Worker<Args<J>> for Performer<J> {
    type Error = BoxError;

    async fn work(&self, _: WorkContext, job: riverqueue::Job<Args<J>>) -> Result<WorkOutcome, BoxError> {
        let number = job.row.attempt;
        let attempt = Attempt {
            number,
            last: number >= job.row.max_attempts,
        };
        let traceparent = job.row.metadata.get::<String>(TRACEPARENT).ok().flatten();
        let span = tracing::info_span!("job", job = J::NAME, job_id = job.row.id, traceparent);
        match self.performer.perform(job.args.0, attempt).instrument(span).await {
            Ok(Done::Done) => Ok(WorkOutcome::Complete),
            Ok(Done::Later(after)) => Ok(WorkOutcome::Snooze(after)),
            Err(Error::RateLimited { retry_after_ms, .. }) => {
                Ok(WorkOutcome::Snooze(Duration::from_millis(retry_after_ms)))
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(job = J::NAME, attempt = number, %error, "job failed; it will be tried again");
                Err(error.into())
            }
            Err(Error::Conflict(why)) => {
                tracing::debug!(job = J::NAME, why, "the world moved on");
                Ok(WorkOutcome::Complete)
            }
            Err(error) => {
                tracing::warn!(job = J::NAME, %error, "job given up");
                Ok(WorkOutcome::Discard)
            }
        }
    }
}

/// Doubles from one second to [`MAX_BACKOFF`].
struct Backoff;

impl RetryPolicy for Backoff {
    fn next_retry(&self, job: &JobRow, _: &WorkError, _: Timestamp) -> Duration {
        let doublings = u32::try_from(job.attempt.saturating_sub(1)).unwrap_or(0).min(6);
        MAX_BACKOFF.min(Duration::from_secs(1 << doublings))
    }
}

/// The jobs being worked in this process.
pub struct Working {
    handle: RunHandle,
}

/// Starts working the jobs of all queues.
pub(crate) fn start(pool: &PgPool, performers: Performers, concurrency: Concurrency) -> Result<Working> {
    let maintenance = MaintenanceConfig::default()
        .with_rescue_after(RESCUE_AFTER)
        .with_rescuer_interval(RESCUE_EVERY)
        .with_scheduler_interval(Duration::from_secs(1));
    let mut builder = riverqueue::Client::builder(pool.clone()).workers(performers.workers);
    for queue in Queue::ALL {
        builder = builder.queue(queue.as_str(), QueueConfig::new(concurrency.of(*queue)));
    }
    let client = builder
        .fetch_cooldown(COOLDOWN)
        .job_timeout(JOB_TIMEOUT)
        .maintenance(maintenance)
        .retry_policy(Backoff)
        .allow_unregistered_job_kinds()
        .build()
        .map_err(Error::internal)?;
    let handle = client.start().map_err(Error::internal)?;
    Ok(Working { handle })
}

impl Working {
    /// Takes no more jobs and waits for those that run; they are bounded by the job time-out.
    pub async fn stop(mut self) {
        if let Err(error) = self.handle.stop().await {
            tracing::warn!(%error, "the queue did not stop cleanly; its jobs will be rescued");
        }
    }
}
