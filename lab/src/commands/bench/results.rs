//! What was measured: the content of `target/bench/results.json`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::ratio::Ratio;
use super::spread::{Percentiles, Spread};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) measured_at: Timestamp,
    pub(super) machine: Machine,
    #[serde(default)]
    pub(super) tools: Option<Tools>,
    #[serde(default)]
    pub(super) ingestion: Vec<Ingestion>,
    pub(super) processing: Option<Processing>,
    pub(super) starts: Option<Starts>,
    #[serde(default)]
    pub(super) memory: Vec<Memory>,
    #[serde(default)]
    pub(super) search: Option<Search>,
    pub(super) ratios: Vec<Ratio>,
}

impl Results {
    /// Before anything was measured.
    pub(super) fn nothing(measured_at: Timestamp, machine: Machine) -> Self {
        Self {
            measured_at,
            machine,
            tools: None,
            ingestion: Vec::new(),
            processing: None,
            starts: None,
            memory: Vec::new(),
            search: None,
            ratios: Vec::new(),
        }
    }
}

/// What the search is worth, and costs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Search {
    pub(super) measured_at: Timestamp,
    pub(super) load_before: String,
    /// Without optimization nothing is said of what it costs.
    #[serde(default)]
    pub(super) optimized: bool,
    pub(super) corpus: Corpus,
    /// The largest filter first.
    pub(super) recall: Vec<Recall>,
    pub(super) quality: Vec<Quality>,
    pub(super) rates: Rates,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Corpus {
    pub(super) crates: usize,
    pub(super) files: usize,
    pub(super) passages: usize,
    pub(super) model: String,
    /// Texts whose vectors this bench made; the others were kept from one before.
    pub(super) embedded: usize,
    pub(super) embedded_seconds: f64,
}

/// What a filter leaves of the exact answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recall {
    /// The part of all passages that passes.
    pub(super) selectivity: f64,
    pub(super) passages: usize,
    pub(super) questions: usize,
    /// Of the exact answer.
    pub(super) found: f64,
    /// Of ten that were asked for.
    pub(super) fewest_hits: usize,
}

/// Questions of one kind with known answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Quality {
    pub(super) kind: String,
    pub(super) questions: usize,
    pub(super) rankings: Vec<Ranking>,
}

impl Quality {
    pub(super) fn of(&self, mode: &str) -> Option<&Ranking> {
        self.rankings.iter().find(|ranking| ranking.mode == mode)
    }
}

/// Parts of 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ranking {
    pub(super) mode: String,
    pub(super) hit_at_1: f64,
    pub(super) hit_at_10: f64,
    pub(super) ndcg_at_10: f64,
}

/// Rounds of the same questions.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Rates {
    /// Plain SQL over the same index.
    pub(super) raw: Vec<Round>,
    pub(super) vector: Vec<Round>,
    pub(super) hybrid: Vec<Round>,
}

/// All who answered the same call.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tools {
    pub(super) fastmcp: String,
    pub(super) typescript_sdk: String,
    pub(super) contenders: Vec<ToolContender>,
}

impl Tools {
    pub(super) fn rounds(&self, who: Callee) -> &[Round] {
        let found = self.contenders.iter().find(|it| it.who == who);
        found.map_or(&[], |it| &it.rounds)
    }
}

/// Who is called, from the limit to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Callee {
    /// HTTP and JSON alone.
    BareAxum,
    /// The protocol, by the library we use, and nothing behind it.
    BareRmcp,
    /// `FastMCP` with `asyncpg` and `PyJWT`, doing the same as ours.
    FastMcp,
    /// The TypeScript SDK with `pg` and `jose`, doing the same as ours.
    TypeScript,
    /// Ours: token, right, one row.
    McpServer,
}

impl Callee {
    pub(super) const ALL: [Self; 5] = [
        Self::BareAxum,
        Self::BareRmcp,
        Self::FastMcp,
        Self::TypeScript,
        Self::McpServer,
    ];

    /// Whether it asks the database.
    pub(super) fn reads(self) -> bool {
        !matches!(self, Self::BareAxum | Self::BareRmcp)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToolContender {
    pub(super) who: Callee,
    pub(super) rounds: Vec<Round>,
    /// After the last round.
    pub(super) rss_mib: f64,
}

impl ToolContender {
    /// The rounds' values of one column; none if it does not apply.
    pub(super) fn spread(&self, column: impl Fn(&Round) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(column))
    }
}

/// All who received one body.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ingestion {
    pub(super) body_bytes: usize,
    pub(super) contenders: Vec<Contender>,
}

impl Ingestion {
    pub(super) fn rounds(&self, who: Who) -> &[Round] {
        let found = self.contenders.iter().find(|it| it.who == who);
        found.map_or(&[], |it| &it.rounds)
    }
}

/// Who is measured, from the limit to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    /// Checking the signature and nothing else.
    HmacAlone,
    /// One row and one commit, the body already at the server.
    InsertAlone,
    /// The peer, keeping nothing.
    PeerInMemory,
    /// The peer, keeping GUID and body.
    PeerDurable,
    /// Ours: the delivery and its job, in one transaction.
    Gateway,
}

impl Who {
    pub(super) const ALL: [Self; 5] = [
        Self::HmacAlone,
        Self::InsertAlone,
        Self::PeerInMemory,
        Self::PeerDurable,
        Self::Gateway,
    ];
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Contender {
    pub(super) who: Who,
    pub(super) rounds: Vec<Round>,
    /// Of the receiving process, after the last round.
    pub(super) rss_mib: Option<f64>,
}

impl Contender {
    /// The rounds' values of one column; none if it does not apply.
    pub(super) fn spread(&self, column: impl Fn(&Round) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(column))
    }
}

/// One contender's turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) requests: u64,
    pub(super) seconds: f64,
    pub(super) milliseconds: Option<Percentiles>,
    /// CPU of the receiving process for each request, in microseconds.
    pub(super) server_us: Option<f64>,
    /// CPU of all of PostgreSQL for each request, in microseconds.
    pub(super) database_us: Option<f64>,
}

impl Round {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a round has far fewer than 2^52 requests"
    )]
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// CPU of server and database together.
    pub(super) fn both_us(&self) -> Option<f64> {
        Some(self.server_us? + self.database_us.unwrap_or_default())
    }
}

/// What the worker made of the deliveries that were taken in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Processing {
    pub(super) deliveries: u64,
    pub(super) seconds: f64,
    pub(super) worker_us: f64,
    pub(super) database_us: f64,
}

/// From the label on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Starts {
    pub(super) runs: Vec<RunTimes>,
    pub(super) by_hand: Vec<ByHand>,
}

/// Milliseconds after the label's delivery was received.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "outside of Rust a number's name says its unit"
)]
pub(super) struct RunTimes {
    pub(super) queued_ms: f64,
    pub(super) admitted_ms: f64,
    pub(super) starting_ms: f64,
    pub(super) pod_created_ms: f64,
    pub(super) process_running_ms: f64,
    pub(super) first_heartbeat_ms: f64,
    pub(super) pull_request_ms: f64,
    pub(super) succeeded_ms: f64,
}

/// Milliseconds after the same Job was sent to the cluster by hand.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ByHand {
    pub(super) pod_created_ms: f64,
    pub(super) process_running_ms: f64,
}

/// Memory of the programs at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) when: String,
    pub(super) gateway_mib: f64,
    pub(super) mcp_server_mib: f64,
    pub(super) worker_mib: f64,
}

impl Memory {
    pub(super) fn together_mib(&self) -> f64 {
        self.gateway_mib + self.mcp_server_mib + self.worker_mib
    }
}
