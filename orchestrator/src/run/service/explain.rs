//! What happened to a run, why, and what it waits for: one sentence each, with what to do.

use jiff::{SignedDuration, Timestamp};

use super::limit::money;
use super::target;
use crate::actor::Actor;
use crate::approval;
use crate::effect;
use crate::error::Result;
use crate::id::RunId;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::run::aggregate::Run;
use crate::run::domain::RunState;
use crate::run::limit::SpentLimit;
use crate::run::status::advice;
use crate::run::store;
use crate::run::store::admission::Standing;

/// Everything that a run may wait for.
pub const WAITS: [&str; 15] = [
    "more_reviews",
    "platform_pause",
    "project_deletion",
    "project_pause",
    "pod_proof",
    "platform_limit",
    "project_limit",
    "budget",
    "slot",
    "queue",
    "admission",
    "person",
    "worker",
    "pod",
    "code_host",
];

/// Why a run is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub run: Run,
    /// A word to match on, one of [`WAITS`].
    pub waits_for: Option<&'static str>,
    pub summary: String,
    /// What a person can do, where there is something.
    pub next: Option<String>,
    /// What else is open: effects not applied, slots not free.
    pub notes: Vec<String>,
}

/// Explains a run.
///
/// # Errors
///
/// `NotFound`.
pub async fn explain(orchestrator: &Orchestrator, actor: &Actor, run_id: RunId) -> Result<Explanation> {
    let mut tx = orchestrator.look("run.explain").await?;
    let run = store::get(&mut tx, run_id).await?;
    access::require(&mut tx, actor, Operation::RunRead, &target(&run)).await?;
    let (waits_for, summary, next) = match &run.state {
        RunState::Queued if run.not_before.is_some_and(|at| at > tx.now()) => gathering(&run, tx.now()),
        RunState::Queued => {
            let standing = store::admission::standing(&mut tx, run_id).await?;
            hold(&standing, run.turn > 0)
        }
        RunState::Waiting => waiting(&mut tx, &run).await?,
        _ => elsewhere(&run, tx.now()),
    };
    let notes = notes(&mut tx, &run).await?;
    Ok(Explanation {
        run,
        waits_for,
        summary,
        next,
        notes,
    })
}

type Answer = (Option<&'static str>, String, Option<String>);

/// A burst of reviews is read by one run.
fn gathering(run: &Run, now: Timestamp) -> Answer {
    let left = run
        .not_before
        .map_or(SignedDuration::ZERO, |at| at.duration_since(now));
    (
        Some("more_reviews"),
        format!("it gathers reviews for another {}", rounded(left)),
        Some("nothing: it begins by itself, and reads what is said until then".into()),
    )
}

/// Why a queued run is not admitted, in the order in which admission asks.
fn hold(s: &Standing, resumes: bool) -> Answer {
    let say = |waits_for, summary: String, next: &str| (Some(waits_for), summary, Some(next.to_owned()));
    if s.platform_paused {
        return say(
            "platform_pause",
            "the platform is paused".into(),
            "an operator resumes it",
        );
    }
    if s.project_going {
        return say(
            "project_deletion",
            "the project is to be deleted; nothing starts any more".into(),
            "an owner of the platform takes that back with project_restore",
        );
    }
    if s.project_paused {
        return say(
            "project_pause",
            "the project is paused".into(),
            "an admin of the project resumes it",
        );
    }
    if s.pod_of_last_turn_left {
        let summary = "the pod of its last turn is not proven gone yet".into();
        return say(
            "pod_proof",
            summary,
            "nothing: the slot reaper asks the cluster every few seconds",
        );
    }
    if s.platform_live >= i64::from(s.platform_limit) {
        let summary = format!(
            "{} of {} runs of the platform are live",
            s.platform_live, s.platform_limit
        );
        return say(
            "platform_limit",
            summary,
            "wait for one to end, or let an operator raise the limit",
        );
    }
    if s.project_live >= i64::from(s.project_limit) {
        let summary = format!(
            "{} of {} runs of the project are live",
            s.project_live, s.project_limit
        );
        return say(
            "project_limit",
            summary,
            "wait for one to end, or let an admin raise the limit",
        );
    }
    if let Some(budget) = s.budget_micro_usd.filter(|budget| s.spent_micro_usd >= *budget) {
        let summary = format!(
            "the project spent {} of {} this month",
            dollars(s.spent_micro_usd),
            dollars(budget)
        );
        return say(
            "budget",
            summary,
            "an admin raises the budget, or wait for the next month",
        );
    }
    if let Some(limit) = s.slot_limit.filter(|limit| s.slots_taken >= i64::from(*limit)) {
        let summary = format!(
            "the project may use {limit} of its slots at once, and {} are taken",
            s.slots_taken
        );
        return say(
            "slot",
            summary,
            "wait for one to come free, or let an operator raise the limit with slot_limit_set",
        );
    }
    if s.slots_free == 0 {
        let summary = match s.slots_quarantined {
            0 => format!("all {} slots of the project are taken", s.slots),
            quarantined => format!("no slot is free; {quarantined} of {} are quarantined", s.slots),
        };
        return say("slot", summary, "slot_list shows who holds them and why");
    }
    if s.ahead > 0 {
        let summary = format!("{} runs of the project are ahead of it", s.ahead);
        return say("queue", summary, "nothing: it is admitted in its turn");
    }
    let again = if resumes { "again " } else { "" };
    let next = "nothing: admission looks every second; if this stays, the worker may be down";
    say(
        "admission",
        format!("nothing stands in its way; it is about to be admitted {again}"),
        next,
    )
}

async fn waiting(tx: &mut Tx, run: &Run) -> Result<Answer> {
    let open: Vec<_> = approval::of_turn(tx, run.run_id, run.turn)
        .await?
        .into_iter()
        .filter(approval::Wait::is_open)
        .collect();
    let asked: Vec<&str> = open.iter().map(|wait| wait.question.as_str()).collect();
    let summary = format!("it waits for {} answer(s): {}", open.len(), asked.join("; "));
    Ok((
        Some("person"),
        summary,
        Some("answer it; waiting costs no pod and no money".into()),
    ))
}

fn elsewhere(run: &Run, now: Timestamp) -> Answer {
    let since = rounded(now.duration_since(run.state_since));
    let nothing = |summary| (None, summary, None);
    match &run.state {
        RunState::Admitted { .. } => (
            Some("worker"),
            format!("it has a slot for {since} and waits for the worker to make its pod"),
            Some(
                "nothing; if this stays, the worker or the cluster may be down, and after an hour it fails with \
                 start_timeout"
                    .into(),
            ),
        ),
        RunState::Starting { .. } => (
            Some("pod"),
            format!("its pod was wanted {since} ago and its runner has not spoken yet"),
            Some("nothing; after ten minutes it fails with start_timeout".into()),
        ),
        RunState::Running { .. } => {
            let used = run.active_seconds_at(now);
            let limit = run.active_seconds_limit;
            let summary = format!("it runs for {since}; {used} of {limit} active seconds are used");
            (None, summary, Some("run_limit_raise gives it more time or money while it runs".into()))
        }
        RunState::Finishing => (
            Some("code_host"),
            format!("its work is pushed; for {since} the platform has been verifying it at GitHub"),
            Some("nothing; without an answer of GitHub it fails after 24 hours".into()),
        ),
        RunState::Cancelling => (
            Some("pod_proof"),
            format!("it was cancelled {since} ago; its pod is not proven gone yet"),
            Some("nothing: the slot reaper asks the cluster every few seconds".into()),
        ),
        RunState::Succeeded => nothing(match &run.pull_request_url {
            Some(url) => format!("it is done: {url}"),
            None => "it is done".into(),
        }),
        RunState::Failed(failure) => {
            let detail = failure
                .detail
                .as_deref()
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            (
                None,
                format!("it failed ({failure}){detail}"),
                Some(advice(failure).to_owned()),
            )
        }
        RunState::TimedOut => (
            None,
            format!("it was stopped after {} active seconds", run.active_seconds),
            Some("retry it, or split the task".into()),
        ),
        RunState::Cancelled => nothing("it was cancelled".into()),
        RunState::Queued | RunState::Waiting => nothing(String::new()),
    }
}

/// What a live run spent of its money, where something bounds it.
async fn spending(tx: &mut Tx, run: &Run) -> Result<Option<String>> {
    let spending = store::limit::spending(tx, run.run_id).await?;
    let money = money(run, &spending);
    let of_run = money.run_limit.map(|limit| {
        format!(
            "it spent {} of {}, its own limit",
            dollars(money.run_spent),
            dollars(limit)
        )
    });
    Ok(match money.spent() {
        Some(SpentLimit::Run) => of_run.map(|text| format!("{text}: its model is refused until run_limit_raise")),
        Some(SpentLimit::Project) => Some(
            "the project's budget is spent: its model is refused until an admin raises it with project_update".into(),
        ),
        None => of_run,
    })
}

async fn notes(tx: &mut Tx, run: &Run) -> Result<Vec<String>> {
    let mut notes = super::narrow::notes(tx, run).await?;
    if !run.state.is_over() {
        notes.extend(spending(tx, run).await?);
    }
    if let (RunState::Starting { .. } | RunState::Failed(_), Some(waits)) = (
        &run.state,
        store::record::newest_detail(tx, run.run_id, "pod_waits").await?,
    ) {
        notes.push(format!(
            "its pod waited for: {}",
            waits["why"].as_str().unwrap_or("something unknown")
        ));
    }
    if let (RunState::Finishing, Some(unproven)) = (
        &run.state,
        store::record::newest_detail(tx, run.run_id, "unproven").await?,
    ) {
        notes.push(format!(
            "at the last look: {}",
            unproven["why"].as_str().unwrap_or("something unknown")
        ));
    }
    for open in effect::open_of_run(tx, run.run_id).await? {
        notes.push(match open.reason {
            Some(reason) => format!(
                "effect {} ({}) is {}: {reason}",
                open.effect_id, open.kind, open.state
            ),
            None => format!("effect {} ({}) is {}", open.effect_id, open.kind, open.state),
        });
    }
    Ok(notes)
}

fn dollars(micro_usd: i64) -> String {
    format!("${}.{:02}", micro_usd / 1_000_000, micro_usd % 1_000_000 / 10_000)
}

fn rounded(duration: SignedDuration) -> String {
    match duration.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clear() -> Standing {
        Standing {
            platform_paused: false,
            platform_live: 0,
            platform_limit: 10,
            project_paused: false,
            project_going: false,
            project_live: 0,
            project_limit: 2,
            budget_micro_usd: None,
            spent_micro_usd: 0,
            slots: 2,
            slots_free: 1,
            slots_quarantined: 0,
            slot_limit: None,
            slots_taken: 1,
            ahead: 0,
            pod_of_last_turn_left: false,
        }
    }

    #[test]
    fn every_hold_has_a_word_and_a_sentence() {
        let cases = [
            Standing {
                platform_paused: true,
                ..clear()
            },
            Standing {
                project_going: true,
                ..clear()
            },
            Standing {
                project_paused: true,
                ..clear()
            },
            Standing {
                pod_of_last_turn_left: true,
                ..clear()
            },
            Standing {
                platform_live: 10,
                ..clear()
            },
            Standing {
                project_live: 2,
                ..clear()
            },
            Standing {
                budget_micro_usd: Some(5_000_000),
                spent_micro_usd: 5_120_000,
                ..clear()
            },
            Standing {
                slots_free: 0,
                ..clear()
            },
            Standing {
                slots_free: 0,
                slots_quarantined: 1,
                ..clear()
            },
            Standing {
                slot_limit: Some(1),
                ..clear()
            },
            Standing {
                slot_limit: Some(2),
                ahead: 3,
                ..clear()
            },
            clear(),
        ];
        let table: Vec<String> = cases
            .iter()
            .map(|standing| {
                let (waits_for, summary, next) = hold(standing, false);
                format!(
                    "{:<15} {summary} → {}",
                    waits_for.unwrap_or("-"),
                    next.unwrap_or_default()
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
        let said: Vec<_> = cases
            .iter()
            .filter_map(|standing| hold(standing, false).0)
            .collect();
        assert!(said.iter().all(|word| WAITS.contains(word)), "{said:?}");
        // The others are states of a run, which stories bring about.
        let states = WAITS.iter().filter(|word| !said.contains(word));
        assert_eq!(
            states.collect::<Vec<_>>(),
            [&"more_reviews", &"person", &"worker", &"pod", &"code_host"]
        );
    }
}
