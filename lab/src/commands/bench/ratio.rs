//! Ours against others of the same run: what stays meaningful on a busy machine.

use serde::{Deserialize, Serialize};

use super::results::{Callee, Ingestion, Memory, Results, Round, Search, Starts, Tools, Who};
use super::spread::{Percentiles, Spread};

/// All services together stay well below this.
const MEMORY_MB: f64 = 100.0;
/// And this, when they have nothing to do.
const IDLE_MB: f64 = 80.0;
const MB_PER_MIB: f64 = 1.048_576;

/// Ours divided by the other's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ratio {
    pub(super) about: String,
    pub(super) what: String,
    pub(super) spread: Spread,
    pub(super) goal: Option<Goal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub(super) fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
        }
    }
}

type Column = fn(&Round) -> Option<f64>;
const PER_SECOND: Column = |round| Some(round.per_second());
const P95: Column = |round| Some(round.milliseconds?.p95);
const P99: Column = |round| Some(round.milliseconds?.p99);
const SERVER: Column = |round| round.server_us;
const DATABASE: Column = |round| round.database_us;
const BOTH: Column = Round::both_us;

/// All that was measured against something.
pub(super) fn of(results: &Results) -> Vec<Ratio> {
    let mut ratios: Vec<_> = results.tools.iter().flat_map(of_tools).collect();
    let ingestion = results.ingestion.iter().enumerate();
    ratios.extend(ingestion.flat_map(|(index, it)| of_ingestion(it, index == 0)));
    ratios.extend(results.starts.iter().flat_map(of_starts));
    ratios.extend(of_memory(&results.memory));
    ratios.extend(results.search.iter().flat_map(of_search));
    ratios
}

/// The comparisons of calls; a goal of twelve times is one of a twelfth the other way round.
fn of_tools(tools: &Tools) -> Vec<Ratio> {
    use Goal::{AtLeast, AtMost};
    let ours = tools.rounds(Callee::McpServer);
    let (python, node) = (tools.rounds(Callee::FastMcp), tools.rounds(Callee::TypeScript));
    let (rmcp, axum) = (tools.rounds(Callee::BareRmcp), tools.rounds(Callee::BareAxum));
    let rows = [
        (
            "CPU of FastMCP / of mcp-server",
            paired(python, ours, SERVER),
            Some(AtLeast(12.0)),
        ),
        (
            "CPU of the TypeScript SDK / of mcp-server",
            paired(node, ours, SERVER),
            Some(AtLeast(10.0)),
        ),
        (
            "CPU of mcp-server / of a bare rmcp server",
            paired(ours, rmcp, SERVER),
            Some(AtMost(3.0)),
        ),
        (
            "CPU of mcp-server / of a bare axum handler",
            paired(ours, axum, SERVER),
            None,
        ),
        (
            "CPU of PostgreSQL for mcp-server / for FastMCP",
            paired(ours, python, DATABASE),
            None,
        ),
        ("rate / of FastMCP", paired(ours, python, PER_SECOND), None),
        (
            "rate / of the TypeScript SDK",
            paired(ours, node, PER_SECOND),
            None,
        ),
        ("p99 / of FastMCP", paired(ours, python, P99), None),
        ("p99 / of the TypeScript SDK", paired(ours, node, P99), None),
    ];
    let ratio = |(what, spread, goal): (&str, Option<Spread>, Option<Goal>)| {
        Some(Ratio {
            about: "call of a tool".to_owned(),
            what: what.to_owned(),
            spread: spread?,
            goal,
        })
    };
    rows.into_iter().filter_map(ratio).collect()
}

/// The comparisons of one body. The goals are those of a body as GitHub usually sends it.
fn of_ingestion(ingestion: &Ingestion, has_goals: bool) -> Vec<Ratio> {
    use Goal::{AtLeast, AtMost};
    use Who::{HmacAlone, InsertAlone, PeerDurable, PeerInMemory};
    let rows: [(&str, Who, Column, Option<Goal>); 9] = [
        (
            "CPU of gateway / of peer that keeps nothing",
            PeerInMemory,
            SERVER,
            Some(AtMost(0.8)),
        ),
        (
            "rate / of peer that keeps nothing",
            PeerInMemory,
            PER_SECOND,
            Some(AtLeast(0.7)),
        ),
        (
            "CPU of gateway / of peer that keeps",
            PeerDurable,
            SERVER,
            Some(AtMost(0.8)),
        ),
        (
            "CPU of gateway and PostgreSQL / of peer that keeps and PostgreSQL",
            PeerDurable,
            BOTH,
            None,
        ),
        ("rate / of peer that keeps", PeerDurable, PER_SECOND, None),
        ("p99 / of peer that keeps", PeerDurable, P99, None),
        ("CPU of gateway / of HMAC-SHA256 alone", HmacAlone, SERVER, None),
        (
            "CPU of PostgreSQL / of one bare INSERT and COMMIT",
            InsertAlone,
            DATABASE,
            None,
        ),
        (
            "rate / of bare INSERTs and COMMITs",
            InsertAlone,
            PER_SECOND,
            None,
        ),
    ];
    let about = format!("webhook, {} bytes", ingestion.body_bytes);
    rows.into_iter()
        .filter_map(|(what, other, column, goal)| {
            Some(Ratio {
                about: about.clone(),
                what: what.to_owned(),
                spread: paired(ingestion.rounds(Who::Gateway), ingestion.rounds(other), column)?,
                goal: goal.filter(|_| has_goals),
            })
        })
        .collect()
}

/// Divides round by round: what disturbed one round disturbed both sides of it.
fn paired(ours: &[Round], theirs: &[Round], column: Column) -> Option<Spread> {
    let pairs = ours.iter().zip(theirs);
    Spread::of(pairs.filter_map(|(ours, theirs)| Some(column(ours)? / column(theirs)?)))
}

/// Label to agent against the same Job by hand, pairwise.
fn of_starts(starts: &Starts) -> Vec<Ratio> {
    let pairs = || starts.runs.iter().zip(&starts.by_hand);
    let rows = [
        (
            "label to process / Job by hand to process",
            Spread::of(pairs().map(|(run, hand)| run.process_running_ms / hand.process_running_ms)),
        ),
        (
            "label to first heartbeat / Job by hand to process",
            Spread::of(pairs().map(|(run, hand)| run.first_heartbeat_ms / hand.process_running_ms)),
        ),
    ];
    let ratio = |(what, spread): (&str, Option<Spread>)| {
        Some(Ratio {
            about: "label to agent".to_owned(),
            what: what.to_owned(),
            spread: spread?,
            goal: None,
        })
    };
    rows.into_iter().filter_map(ratio).collect()
}

/// The search against its goals and against plain SQL.
fn of_search(search: &Search) -> Vec<Ratio> {
    use Goal::{AtLeast, AtMost};
    let costs = |ours: &[Round], column: Column| {
        let theirs = &search.rates.raw;
        search.optimized.then(|| paired(ours, theirs, column)).flatten()
    };
    let lowest = search.recall.iter().map(|it| it.found).min_by(f64::total_cmp);
    let rise = search.quality.first().and_then(|symbols| {
        let points = |mode| Some(symbols.of(mode)?.hit_at_1 * 100.0);
        Some(points("hybrid")? - points("vector")?)
    });
    let rows = [
        (
            "recall of 10 behind the filter where it is lowest",
            Spread::of(lowest),
            AtLeast(0.98),
        ),
        (
            "rate by vector / of plain SQL over the same index",
            costs(&search.rates.vector, PER_SECOND),
            AtLeast(0.85),
        ),
        (
            "p95 of hybrid / of plain SQL over the same index",
            costs(&search.rates.hybrid, P95),
            AtMost(1.8),
        ),
        (
            "exact symbols: points of hit@1 that hybrid is above vector",
            Spread::of(rise),
            AtLeast(25.0),
        ),
    ];
    let ratio = |(what, spread, goal): (&str, Option<Spread>, Goal)| {
        Some(Ratio {
            about: "search".to_owned(),
            what: what.to_owned(),
            spread: spread?,
            goal: Some(goal),
        })
    };
    rows.into_iter().filter_map(ratio).collect()
}

/// What was seen first, at rest, and the highest, each against its limit.
fn of_memory(memory: &[Memory]) -> Vec<Ratio> {
    let idle = memory.first().map(|it| it.together_mib() * MB_PER_MIB / IDLE_MB);
    let idle = idle.and_then(|ratio| Spread::of([ratio])).map(|spread| Ratio {
        about: "memory".to_owned(),
        what: format!("gateway, mcp-server and worker together at rest / {IDLE_MB} MB"),
        spread,
        goal: Some(Goal::AtMost(1.0)),
    });
    idle.into_iter().chain(highest(memory)).collect()
}

fn highest(memory: &[Memory]) -> Option<Ratio> {
    let together = memory.iter().map(|it| it.together_mib() * MB_PER_MIB / MEMORY_MB);
    let spread = Spread::of(together)?;
    Some(Ratio {
        about: "memory".to_owned(),
        what: format!("gateway, mcp-server and worker together at their highest / {MEMORY_MB} MB"),
        spread: Spread {
            median: spread.max,
            ..spread
        },
        goal: Some(Goal::AtMost(1.0)),
    })
}

/// What the platform adds before a pod exists, in milliseconds.
pub(super) fn decided_in(starts: &Starts) -> Option<Percentiles> {
    let pairs = starts.runs.iter().zip(&starts.by_hand);
    Percentiles::of(pairs.map(|(run, hand)| run.pod_created_ms - hand.pod_created_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(server_us: f64) -> Round {
        Round {
            requests: 10,
            seconds: 1.0,
            milliseconds: None,
            server_us: Some(server_us),
            database_us: None,
        }
    }

    #[test]
    fn rounds_are_compared_with_their_neighbours() {
        let spread = paired(
            &[round(10.0), round(40.0), round(30.0)],
            &[round(20.0), round(80.0), round(10.0)],
            SERVER,
        );
        let spread = spread.unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (0.5, 0.5, 3.0));
        assert_eq!(paired(&[round(1.0)], &[round(1.0)], DATABASE), None);
    }

    #[test]
    fn goals_have_a_side() {
        assert!(Goal::AtMost(0.8).is_met(0.8) && !Goal::AtMost(0.8).is_met(0.9));
        assert!(Goal::AtLeast(0.7).is_met(1.0) && !Goal::AtLeast(0.7).is_met(0.6));
    }
}
