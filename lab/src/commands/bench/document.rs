//! `docs/benchmarks.md`, from the results and nothing else.

mod search;

use std::fmt::Write;

use super::ratio::{Ratio, decided_in};
use super::results::{
    Callee, Contender, Ingestion, Memory, Processing, Results, Starts, ToolContender, Tools, Who,
};
use super::spread::{Percentiles, Spread};

const HEAD: &str = include_str!("document/head.md");
const TOOLS: &str = include_str!("document/tools.md");
const WEBHOOKS: &str = include_str!("document/webhooks.md");
const STARTS: &str = include_str!("document/starts.md");
const MEMORY: &str = include_str!("document/memory.md");

/// Writes the whole document.
pub(super) fn render(results: &Results) -> String {
    let mut text = String::from(HEAD);
    machine(&mut text, results);
    ratios(&mut text, &results.ratios);
    if let Some(measured) = &results.tools {
        tools(&mut text, measured);
    }
    if let Some(measured) = &results.processing {
        text.push_str(WEBHOOKS);
        for ingestion in &results.ingestion {
            receivers(&mut text, ingestion);
        }
        processing(&mut text, measured);
    }
    if let Some(measured) = &results.starts {
        text.push_str(STARTS);
        starts(&mut text, measured);
    }
    text.push_str(MEMORY);
    memory(&mut text, &results.memory);
    if let Some(measured) = &results.search {
        search::render(&mut text, measured);
    }
    text
}

fn line(text: &mut String, cells: &[&str]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// The heading of a table: the first column is words, the others numbers.
fn heading(text: &mut String, cells: &[&str]) {
    text.push('\n');
    line(text, cells);
    let _ = writeln!(text, "|---|{}", "---:|".repeat(cells.len() - 1));
}

fn machine(text: &mut String, results: &Results) {
    let machine = &results.machine;
    let _ = writeln!(
        text,
        "\nMeasured {} on {} cores ({}), Linux {}, load average {} before the bench began, so the machine was {}; \
         {} build. PostgreSQL {}, Node {}, `@octokit/webhooks` {}, `pg` {}.",
        results.measured_at.strftime("%Y-%m-%d %H:%M UTC"),
        machine.cores,
        machine.cpu,
        machine.kernel,
        machine.load_before,
        if machine.is_busy() {
            "busy with other work"
        } else {
            "quiet"
        },
        if machine.optimized { "release" } else { "**debug**" },
        machine.postgres,
        machine.node,
        machine.octokit_webhooks,
        machine.pg,
    );
}

fn ratios(text: &mut String, ratios: &[Ratio]) {
    text.push_str("\n## Ratios\n\nOf the same run: median (lowest to highest) of the rounds.\n");
    heading(text, &["", "ratio", "goal", ""]);
    for ratio in ratios {
        let goal = ratio.goal.map(|goal| goal.to_string()).unwrap_or_default();
        let verdict = ratio.goal.map_or("", |goal| {
            if goal.is_met(ratio.spread.median) {
                "met"
            } else {
                "**missed**"
            }
        });
        line(
            text,
            &[
                &format!("{}: {}", ratio.about, ratio.what),
                &spread(Some(ratio.spread)),
                &goal,
                verdict,
            ],
        );
    }
}

fn tools(text: &mut String, tools: &Tools) {
    text.push_str(TOOLS);
    let _ = writeln!(
        text,
        "\nFastMCP {}, TypeScript SDK {}.",
        tools.fastmcp, tools.typescript_sdk
    );
    heading(
        text,
        &[
            "",
            "calls/s",
            "p50 ms",
            "p99 ms",
            "CPU µs, server",
            "CPU µs, PostgreSQL",
            "RSS MiB",
        ],
    );
    for contender in &tools.contenders {
        callee(text, contender);
    }
}

fn callee(text: &mut String, contender: &ToolContender) {
    let name = match contender.who {
        Callee::BareAxum => "limit: axum and JSON, nothing checked, nothing read",
        Callee::BareRmcp => "limit: rmcp, nothing checked, nothing read",
        Callee::FastMcp => "FastMCP, asyncpg, PyJWT: token, right, one row",
        Callee::TypeScript => "TypeScript SDK, pg, jose: token, right, one row",
        Callee::McpServer => "**mcp-server**: token, right, one row",
    };
    line(
        text,
        &[
            name,
            &spread(contender.spread(|round| Some(round.per_second()))),
            &spread(contender.spread(|round| Some(round.milliseconds?.p50))),
            &spread(contender.spread(|round| Some(round.milliseconds?.p99))),
            &spread(contender.spread(|round| round.server_us)),
            &spread(contender.spread(|round| round.database_us)),
            &number(contender.rss_mib),
        ],
    );
}

fn receivers(text: &mut String, ingestion: &Ingestion) {
    let _ = writeln!(text, "\n### A body of {} bytes", ingestion.body_bytes);
    heading(
        text,
        &[
            "",
            "requests/s",
            "p50 ms",
            "p99 ms",
            "CPU µs, receiver",
            "CPU µs, PostgreSQL",
            "RSS MiB",
        ],
    );
    for contender in &ingestion.contenders {
        receiver(text, contender);
    }
}

fn receiver(text: &mut String, contender: &Contender) {
    let name = match contender.who {
        Who::HmacAlone => "limit: HMAC-SHA256 of the body in Rust, one core",
        Who::InsertAlone => "limit: one bare INSERT and COMMIT",
        Who::PeerInMemory => "`@octokit/webhooks`, keeps nothing",
        Who::PeerDurable => "`@octokit/webhooks`, keeps GUID and body",
        Who::Gateway => "**gateway**, keeps delivery and job",
    };
    let rss = contender.rss_mib.map(number).unwrap_or_default();
    line(
        text,
        &[
            name,
            &spread(contender.spread(|round| Some(round.per_second()))),
            &spread(contender.spread(|round| Some(round.milliseconds?.p50))),
            &spread(contender.spread(|round| Some(round.milliseconds?.p99))),
            &spread(contender.spread(|round| round.server_us)),
            &spread(contender.spread(|round| round.database_us)),
            &rss,
        ],
    );
}

fn processing(text: &mut String, processing: &Processing) {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 deliveries")]
    let per_second = processing.deliveries as f64 / processing.seconds;
    let _ = writeln!(
        text,
        "\nWhat comes after, in the worker, which stood still above: one replica worked off {} of the small deliveries in \
         {} s, {} a second, with {} µs of CPU in the worker and {} µs in PostgreSQL each. They belong to a repository that \
         no project has, so each ends in a recorded verdict and no run.",
        processing.deliveries,
        number(processing.seconds),
        number(per_second),
        number(processing.worker_us),
        number(processing.database_us),
    );
}

fn starts(text: &mut String, starts: &Starts) {
    let runs = &starts.runs;
    let stages: [(&str, Vec<f64>); 8] = [
        ("run queued", runs.iter().map(|it| it.queued_ms).collect()),
        (
            "admitted to a slot",
            runs.iter().map(|it| it.admitted_ms).collect(),
        ),
        ("start begun", runs.iter().map(|it| it.starting_ms).collect()),
        ("pod created", runs.iter().map(|it| it.pod_created_ms).collect()),
        (
            "supervisor's process runs",
            runs.iter().map(|it| it.process_running_ms).collect(),
        ),
        (
            "first heartbeat",
            runs.iter().map(|it| it.first_heartbeat_ms).collect(),
        ),
        (
            "pull request open",
            runs.iter().map(|it| it.pull_request_ms).collect(),
        ),
        ("run succeeded", runs.iter().map(|it| it.succeeded_ms).collect()),
    ];
    let _ = writeln!(text, "\n{} runs, milliseconds:", runs.len());
    heading(
        text,
        &[
            "",
            "since the label, p50",
            "p99",
            "since the row above, p50",
            "p99",
        ],
    );
    let mut before = vec![0.0; runs.len()];
    for (name, at) in stages {
        let stage = at.iter().zip(&before).map(|(at, before)| at - before);
        let (total, own) = (Percentiles::of(at.iter().copied()), Percentiles::of(stage));
        let p = |percentiles: Option<Percentiles>, of: fn(Percentiles) -> f64| {
            percentiles.map(of).map(number).unwrap_or_default()
        };
        line(
            text,
            &[
                name,
                &p(total, |it| it.p50),
                &p(total, |it| it.p99),
                &p(own, |it| it.p50),
                &p(own, |it| it.p99),
            ],
        );
        before = at;
    }
    by_hand(text, starts);
}

fn by_hand(text: &mut String, starts: &Starts) {
    let of = |column: fn(&super::results::ByHand) -> f64| {
        Percentiles::of(starts.by_hand.iter().map(column)).map_or_else(String::new, |it| {
            format!("{} (p99 {})", number(it.p50), number(it.p99))
        })
    };
    let _ = writeln!(
        text,
        "\nThe same Job by hand: pod created after {} ms, supervisor's process runs after {} ms. Until a pod exists the \
         platform adds {} ms: verdict, admission, tokens, namespace, Job, Secret, and the fence checked once more.",
        of(|it| it.pod_created_ms),
        of(|it| it.process_running_ms),
        decided_in(starts).map_or_else(String::new, |it| format!(
            "{} (p99 {})",
            number(it.p50),
            number(it.p99)
        )),
    );
}

fn memory(text: &mut String, memory: &[Memory]) {
    heading(
        text,
        &["RSS in MiB", "gateway", "mcp-server", "worker", "together"],
    );
    for moment in memory {
        line(
            text,
            &[
                &moment.when,
                &number(moment.gateway_mib),
                &number(moment.mcp_server_mib),
                &number(moment.worker_mib),
                &number(moment.together_mib()),
            ],
        );
    }
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |it| {
        format!("{} ({}–{})", number(it.median), number(it.min), number(it.max))
    })
}

/// Three digits, about.
fn number(number: f64) -> String {
    if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::ratio::Goal;

    #[test]
    fn numbers_have_three_digits() {
        let all = [0.123, 9.876, 12.34, 123.4, 12_345.6].map(number);
        assert_eq!(all, ["0.12", "9.88", "12.3", "123", "12346"]);
    }

    #[test]
    fn a_missed_goal_is_seen() {
        let mut text = String::new();
        let ratio = Ratio {
            about: "memory".into(),
            what: "all / 100 MB".into(),
            spread: Spread {
                median: 1.5,
                min: 1.0,
                max: 2.0,
            },
            goal: Some(Goal::AtMost(1.0)),
        };
        ratios(&mut text, &[ratio]);
        let row = "| memory: all / 100 MB | 1.50 (1.00–2.00) | ≤ 1 | **missed** |\n";
        assert!(text.ends_with(row), "{text}");
    }
}
