//! How a turn reports its end, and how the end is proven.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::read::Change;
use super::{lock, note, runner, take};
use crate::actor::{Actor, RunSide};
use crate::agent::{Output, Profile};
use crate::effect::{self, Effect};
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::orchestrator::Orchestrator;
use crate::ports::code_host::RepositoryRef;
use crate::postgres::Tx;
use crate::run::aggregate::Run;
use crate::run::domain::{Failure, FailureReason, RunEvent, RunState, bounded};
use crate::run::store;

/// Without an answer of the code host for this long, a finishing run fails.
const PROOF_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// What is not to be seen at the code host for this long is not there: what it shows may lag behind.
const SEEN_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// Paths one turn may change.
const MAX_CHANGES: usize = 10_000;
/// Bytes of one such path: PostgreSQL's index takes no more than 2.7 kB.
const MAX_PATH_BYTES: usize = 2048;

/// What the runner says at its end.
#[derive(Clone, Debug, Default)]
pub struct FinishReport {
    /// None when the turn did what it should.
    pub failure: Option<Failure>,
    pub last_message: Option<String>,
    pub base_sha: Option<String>,
    pub head_sha: Option<String>,
    pub changes: Vec<Change>,
}

/// Takes the end of a turn; a repeat answers the first result.
///
/// # Errors
///
/// `StaleTurn` if another turn or a cancellation came first, `Invalid`.
pub async fn finish(orchestrator: &Orchestrator, actor: &Actor, report: FinishReport) -> Result<RunState> {
    let caller = runner(actor)?;
    if caller.side != RunSide::Supervisor {
        return Err(Error::Forbidden("only the supervisor finishes a run".into()));
    }
    check_report(&report)?;
    let mut tx = orchestrator.begin("run.finish").await?;
    let mut run = lock(&mut tx, caller.run_id).await?;
    if (run.turn, run.fence) != (caller.turn, caller.fence) {
        return Err(Error::StaleTurn);
    }
    if !run.state.hears_runner() {
        return if matches!(run.state, RunState::Waiting | RunState::Queued) {
            Err(Error::StaleTurn)
        } else {
            Ok(run.state)
        };
    }
    let (profile, _) = super::narrow::profile(&mut tx, &run).await?;
    run.last_message = report.last_message.as_deref().map(|text| bounded(text, 4000));
    run.base_sha = report.base_sha.clone().or(run.base_sha);
    run.head_sha = report.head_sha.clone().or(run.head_sha);
    store::record::set_changes(&mut tx, run.run_id, &report.changes).await?;
    let mut reported = report.failure.clone().map(Failure::bounded);
    if let Some(known) = reported.as_ref().and_then(Failure::of_lost_agent_out_of_memory)
        && store::turn::agent_was_oom(&mut tx, run.run_id, run.turn).await?
    {
        reported = Some(known);
    }
    let event = match reported.or_else(|| unacceptable(&profile, &report)) {
        Some(failure) => RunEvent::Failed(failure),
        None => RunEvent::FinishReported,
    };
    if event == RunEvent::FinishReported && matches!(run.state, RunState::Starting { .. }) {
        // A turn shorter than its first heartbeat did run.
        let now = tx.now();
        take(&mut tx, &mut run, RunEvent::RunnerSpoke(now), actor, json!({})).await?;
    }
    let detail = json!({ "head_sha": run.head_sha, "changed_paths": report.changes.len() });
    take(&mut tx, &mut run, event, actor, detail).await?;
    tx.commit().await?;
    Ok(run.state)
}

fn check_report(report: &FinishReport) -> Result<()> {
    if report.changes.len() > MAX_CHANGES {
        return Err(Error::TooLarge(format!(
            "changed_paths may name at most {MAX_CHANGES} paths"
        )));
    }
    if report
        .changes
        .iter()
        .any(|change| change.path.len() > MAX_PATH_BYTES)
    {
        return Err(Error::TooLarge(format!(
            "changed_paths: a path may have at most {MAX_PATH_BYTES} bytes"
        )));
    }
    for sha in [&report.base_sha, &report.head_sha].into_iter().flatten() {
        if !matches!(sha.len(), 40 | 64) || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::Invalid(
                "base_sha and head_sha must be whole Git object names in hexadecimal".into(),
            ));
        }
    }
    Ok(())
}

/// Why a reported success is none, judged by the profile. The runner checks the same before it pushes; the platform does
/// not take its word for it.
fn unacceptable(profile: &Profile, report: &FinishReport) -> Option<Failure> {
    if let Some(path) = outside_scope(profile, &report.changes) {
        return Some(
            Failure::new(FailureReason::WriteScope, "path_not_allowed")
                .with_detail(format!("the profile does not allow to change {path}")),
        );
    }
    let needs_head = profile.output == Output::PullRequest;
    (needs_head && report.head_sha.is_none()).then(|| {
        Failure::new(FailureReason::OutputInvalid, "no_change").with_detail("the agent changed no file")
    })
}

/// The first changed path that the profile does not allow.
pub(crate) fn outside_scope(profile: &Profile, changes: &[Change]) -> Option<String> {
    let include = matcher(&profile.write_include);
    let exclude = matcher(&profile.excluded());
    let allowed = |path: &str| {
        let wanted = profile.write_include.is_empty() || include.is_match(path);
        wanted && !exclude.is_match(path)
    };
    changes
        .iter()
        .find(|change| !allowed(&change.path))
        .map(|change| change.path.clone())
}

/// Reads globs as the runner does, like `.gitignore`: without a slash a name counts at any depth, a slash anchors it at
/// the root, `*` stays within a folder, and a folder means all below it. A second reading would fail work that was pushed.
fn matcher(globs: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let body = glob.trim_end_matches('/');
        let pattern = match body.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None if body.contains('/') => body.to_owned(),
            None => format!("**/{body}"),
        };
        for pattern in [format!("{pattern}/**"), pattern] {
            // A glob that does not parse allows nothing and excludes nothing; profiles are checked when written.
            let built = GlobBuilder::new(&pattern)
                .literal_separator(true)
                .backslash_escape(true)
                .build();
            if let Ok(glob) = built {
                set.add(glob);
            }
        }
    }
    set.build().unwrap_or_default()
}

/// A run whose result is to be proven.
#[derive(Clone, Debug)]
pub struct Finishing {
    pub run: Run,
    pub at: RepositoryRef,
    pub output: Output,
    /// The pull request in the ledger, if one was wanted.
    pub pull_request: Option<Effect>,
}

/// What the code host shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The pull request is there, and has the commit.
    PullRequest { number: i64, url: String },
    /// The profile asks for nothing that could be looked up.
    NothingToProve,
    /// It is not there, and looking again will not change that.
    Missing {
        sub_reason: &'static str,
        detail: String,
    },
    /// It is not to be seen; after some minutes that is final.
    Unseen {
        sub_reason: &'static str,
        detail: String,
    },
    /// The code host did not answer, refuses to, or has not done yet what was asked for.
    NoAnswer(String),
}

/// Looks at a finishing run.
///
/// # Errors
///
/// `Conflict` if the run is not finishing any more.
pub async fn finishing(orchestrator: &Orchestrator, run_id: RunId) -> Result<Finishing> {
    let mut tx = orchestrator.begin("run.finishing").await?;
    let run = store::get(&mut tx, run_id).await?;
    if run.state != RunState::Finishing {
        return Err(Error::Conflict(format!("the run is {}", run.state)));
    }
    let at = crate::repository::at(&mut tx, run.repository_id).await?;
    let output = super::narrow::of_run(&mut tx, &run).await?.output;
    let pull_request = effect::pull_request_of_run(&mut tx, run_id, &run.branch).await?;
    Ok(Finishing {
        run,
        at,
        output,
        pull_request,
    })
}

/// Ends a finishing run by what was proven, or notes why it cannot be yet. Answers whether it is over.
///
/// # Errors
///
/// `Conflict` if the run is not finishing any more.
pub async fn settle(orchestrator: &Orchestrator, run_id: RunId, proof: Proof) -> Result<bool> {
    let mut tx = orchestrator.begin("run.settle").await?;
    let mut run = lock(&mut tx, run_id).await?;
    if run.state != RunState::Finishing {
        return Err(Error::Conflict(format!("the run is {}", run.state)));
    }
    let actor = Actor::System("finaliser");
    let event = match settling_event(&mut run, proof, tx.now()) {
        Ok(event) => event,
        Err(why) => {
            note_unproven(&mut tx, run_id, &actor, &why).await?;
            tx.commit().await?;
            return Ok(false);
        }
    };
    let detail =
        json!({ "pull_request_number": run.pull_request_number, "pull_request_url": run.pull_request_url });
    take(&mut tx, &mut run, event, &actor, detail).await?;
    tx.commit().await?;
    Ok(true)
}

/// Once for each new reason.
async fn note_unproven(tx: &mut Tx, run_id: RunId, actor: &Actor, why: &str) -> Result<()> {
    let detail = json!({ "why": bounded(why, 500) });
    if store::record::newest_detail(tx, run_id, "unproven").await? == Some(detail.clone()) {
        return Ok(());
    }
    note(tx, run_id, "unproven", actor, detail).await
}

/// What follows from a proof, or why nothing does yet.
fn settling_event(run: &mut Run, proof: Proof, now: Timestamp) -> Result<RunEvent, String> {
    let waited = now.duration_since(run.state_since);
    let output_invalid = |sub_reason, detail| {
        let failure = Failure::new(FailureReason::OutputInvalid, sub_reason).with_detail(detail);
        Ok(RunEvent::Failed(failure))
    };
    match proof {
        Proof::PullRequest { number, url } => {
            run.pull_request_number = Some(number);
            run.pull_request_url = Some(url);
            Ok(RunEvent::ResultProven)
        }
        Proof::NothingToProve => Ok(RunEvent::ResultProven),
        Proof::Missing { sub_reason, detail } => output_invalid(sub_reason, detail),
        Proof::Unseen { sub_reason, detail } if waited >= SEEN_WITHIN => output_invalid(sub_reason, detail),
        Proof::NoAnswer(why) if waited >= PROOF_WITHIN => {
            let failure = Failure::new(FailureReason::ProviderDenied, "no_answer").with_detail(why);
            Ok(RunEvent::Failed(failure))
        }
        Proof::Unseen { detail: why, .. } | Proof::NoAnswer(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::kind::RunKind;

    #[rstest]
    #[case::folder(&["docs"], "docs/a/b.md", true)]
    #[case::folder_with_slash(&["docs/"], "docs/a.md", true)]
    #[case::anchored(&["/docs"], "x/docs/a.md", false)]
    #[case::name_at_any_depth(&["*.md"], "a/b/c.md", true)]
    #[case::star_stays_within(&["src/*.rs"], "src/a/b.rs", false)]
    #[case::everything(&[], "src/main.rs", true)]
    #[case::protected(&[], ".github/workflows/ci.yaml", false)]
    #[case::a_wildcard_names_nothing(&["**/*.md"], ".github/copilot-instructions.md", false)]
    #[case::all_names_nothing(&["**"], "sub/CODEOWNERS", false)]
    #[case::named(&["**", ".github/**"], ".github/workflows/ci.yaml", true)]
    #[case::not_its_own_limits(&["**", "*.yaml"], ".codex-k8s/agents.yaml", false)]
    #[case::only_what_is_named(&["**", ".github/**"], "services.yaml", false)]
    fn globs_are_read_as_the_runner_reads_them(
        #[case] include: &[&str],
        #[case] path: &str,
        #[case] allowed: bool,
    ) {
        let mut profile = Profile::codex("dev", Output::PullRequest);
        profile.write_include = include.iter().map(ToString::to_string).collect();
        let change = Change {
            path: path.to_owned(),
            change: "added".into(),
        };
        assert_eq!(outside_scope(&profile, &[change]).is_none(), allowed);
    }

    #[test]
    fn who_reviews_changes_no_file() {
        let profile = Profile::codex("dev", Output::PullRequest).of_kind(RunKind::Review);
        for path in ["README.md", "a/b/c.rs", ".hidden"] {
            let change = Change {
                path: path.to_owned(),
                change: "modified".into(),
            };
            assert_eq!(outside_scope(&profile, &[change]).as_deref(), Some(path));
        }
    }
}
