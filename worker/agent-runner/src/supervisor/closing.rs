//! The end of a turn that did not go well: save what can be saved, and say why.

use std::path::Path;
use std::time::Duration;

use contract::runner::{Finish, Finished, Output};

use super::Base;
use super::adapter::Verdict;
use super::end::{Failure, Reason, Stop};
use super::progress::{AgentStep, Seen, Step};
use super::turn::Turn;
use crate::wire::BundleOf;

/// How long the platform is asked when the pod is about to go; its grace period is 120 s.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(30);
/// The sub-reason of a turn whose program used up its time.
pub(super) const OUT_OF_TIME: &str = "active_seconds";
/// How long the last usage and log may take then, or when the turn's time is over.
const RECORDS: Duration = Duration::from_secs(10);
/// How long keeping the session may take, and saving work after it.
const SESSION: Duration = Duration::from_secs(15);
const SALVAGE: Duration = Duration::from_secs(40);
/// Bytes of the termination message; of a larger one the kubelet keeps 4096, which is no JSON any more.
const MESSAGE_BYTES: usize = 3 * 1024;
/// How long an agent's container that vanished may take to come back.
const RETURN: Duration = Duration::from_secs(5);
const COMMIT: Duration = Duration::from_secs(20);

/// The last steps of a supervisor.
pub(super) struct Last<'a> {
    pub(super) base: &'a Base,
    /// None: the platform never said what to do.
    pub(super) turn: Option<&'a Turn>,
    pub(super) patience: Duration,
    /// The pod is about to go.
    pub(super) hurried: bool,
}

impl Last<'_> {
    /// Ends the turn; says whether the platform knows how, or does not want to.
    pub(super) async fn close(&self, stop: Stop) -> bool {
        let mut failure = match stop {
            Stop::Failed(failure) => failure,
            Stop::Over(why) => {
                tracing::info!(why, "the platform wants nothing more of this turn");
                if let Some(turn) = self.turn {
                    turn.stop_program().await;
                }
                return true;
            }
        };
        // How the turn ends was decided before: only telling it is left, and that is what failed.
        let decided = self.turn.and_then(|turn| turn.progress.get().finish);
        tracing::warn!(%failure, decided = decided.is_some(), "the turn failed");
        // First, because the pod may be gone before the platform answers.
        let termination_log = &self.base.config.termination_log;
        leave_message(termination_log, Some(&failure));
        if let (Some(turn), None) = (self.turn, &decided) {
            turn.log.say(&failure.to_string());
            if let Some(saved) = self.save(turn, &failure).await {
                failure.detail = format!("{}; {saved}", failure.detail);
            }
        }
        match self.tell(decided.unwrap_or_else(|| self.finish(failure))).await {
            Ok(()) => {
                leave_message(termination_log, None);
                true
            }
            Err(Stop::Over(why)) => {
                tracing::info!(why, "the platform wants nothing more of this turn");
                leave_message(termination_log, None);
                true
            }
            Err(Stop::Failed(error)) => {
                tracing::error!(%error, "the platform could not be told; the reason is in the termination message");
                false
            }
        }
    }

    async fn tell(&self, finish: Finish) -> Result<(), Stop> {
        let platform = self.base.platform.with_patience(self.patience);
        if let Some(turn) = self.turn {
            turn.progress.note(|state| state.finish = Some(finish.clone()));
            let late = finish.sub_reason.as_deref() == Some(OUT_OF_TIME);
            let records = if self.hurried || late {
                RECORDS
            } else {
                self.patience
            };
            return turn.tell(&platform, finish, records).await;
        }
        let _: Finished = platform.call("run_finish", &finish).await?;
        Ok(())
    }

    /// The failure as the platform is told, with what the turn had come to.
    fn finish(&self, failure: Failure) -> Finish {
        let mut finish = failure.into_finish();
        let Some(turn) = self.turn else { return finish };
        let state = turn.progress.get();
        let pushed = state.did(Step::Pushed);
        if let AgentStep::Ended(Verdict { last_message, .. }) = state.agent {
            finish.last_message = last_message;
        }
        finish.base_sha = state.seen.map(|seen| seen.base);
        if let Some(work) = state.work.filter(|_| pushed) {
            finish.head_sha = Some(work.head);
            finish.changed_paths = work.changed;
        }
        finish
    }

    /// Ends the program, then saves its session and, where the place and not the work is to blame, its work.
    async fn save(&self, turn: &Turn, failure: &Failure) -> Option<String> {
        let state = turn.progress.get();
        let began = !matches!(state.agent, AgentStep::Waiting | AgentStep::HandedOver);
        let seen = state.seen.filter(|_| began)?;
        if turn.link.is_connected() {
            turn.stop_program().await;
        }
        // The session first: it is small, and a later turn cannot go on without it.
        let _ = tokio::time::timeout(SESSION, self.save_session(turn)).await;
        if !is_worth_saving(failure) {
            return None;
        }
        let saved = tokio::time::timeout(SALVAGE, salvage(turn, &seen, self.patience)).await;
        saved.unwrap_or_else(|_| Some("there was no time to save the work".into()))
    }

    async fn save_session(&self, turn: &Turn) {
        let state = turn.progress.get();
        let stored = state.did(Step::SnapshotStored);
        if let Some(session) = state.session.filter(|_| !stored) {
            turn.store_session(&self.base.platform.with_patience(self.patience), &session)
                .await;
        }
    }
}

/// The work of an agent that failed by itself is not pushed: nobody asked for half a change.
fn is_worth_saving(failure: &Failure) -> bool {
    let out_of_time = failure.reason == Reason::Budget && failure.sub_reason == OUT_OF_TIME;
    failure.reason == Reason::Environment || out_of_time
}

/// Pushes the newest state of the work there is, judged like any other; says what was saved.
async fn salvage(turn: &Turn, seen: &Seen, patience: Duration) -> Option<String> {
    if turn.context.agent.output != Output::PullRequest || turn.progress.get().did(Step::Pushed) {
        return None;
    }
    let newest = match turn.link.connected(RETURN).await {
        Ok(_) => fresh(turn, seen).await,
        Err(_) => None,
    };
    let (head, what, repository) = match (newest, turn.progress.get().checkpoint) {
        (Some(head), _) => (head, "the work so far", turn.repository.clone()),
        (None, Some(checkpoint)) => {
            let aside = turn.repository.checkpoint(&checkpoint.head);
            (checkpoint.head, "the last checkpoint of the work", aside)
        }
        (None, None) => return Some("there was no work to save".into()),
    };
    let platform = turn.platform.with_patience(patience);
    let saved = async {
        let work = turn.judge(&repository, seen, &head).await?;
        turn.push(&platform, &repository, seen, &head).await?;
        turn.update(|state| state.work = Some(work))
    };
    Some(match saved.await {
        Ok(()) => format!("{what} is on {} as {head}", turn.context.branch.name),
        Err(Stop::Failed(failure)) => format!("{what} could not be saved ({failure})"),
        Err(Stop::Over(why)) => format!("{what} could not be saved ({why})"),
    })
}

/// Asks the agent's container once more; what it cannot give any more, a checkpoint may hold.
async fn fresh(turn: &Turn, seen: &Seen) -> Option<String> {
    turn.commit_left_overs(COMMIT).await.ok()?;
    turn.bundle(seen, BundleOf::Head, None)
        .await
        .ok()
        .flatten()
        .map(|(head, _)| head)
}

/// Writes, or clears, the message the kubelet keeps of a container that ended.
pub(super) fn leave_message(path: &Path, failure: Option<&Failure>) {
    let text = failure.and_then(message).unwrap_or_default();
    if let Err(error) = std::fs::write(path, text) {
        tracing::warn!(%error, path = %path.display(), "failed to write the termination message");
    }
}

/// The failure as JSON of a bounded size, whatever has to be escaped in it.
fn message(failure: &Failure) -> Option<String> {
    let mut kept = failure.detail.len();
    loop {
        let cut = failure.detail.floor_char_boundary(kept);
        let mut detail = failure.detail[..cut].to_owned();
        if cut < failure.detail.len() {
            detail.push('…');
        }
        let text = serde_json::to_string(&Failure {
            detail,
            ..failure.clone()
        })
        .ok()?;
        if text.len() <= MESSAGE_BYTES || cut == 0 {
            return Some(text);
        }
        kept = (kept.min(MESSAGE_BYTES) * 7) / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_fits_whatever_it_says() {
        for detail in [
            "short".to_owned(),
            "ö\"\u{0}\n".repeat(4000),
            "x".repeat(MESSAGE_BYTES),
        ] {
            let failure = Failure::new(Reason::AgentError, "exit_code", detail.clone());
            let text = message(&failure).expect("json");
            assert!(text.len() <= MESSAGE_BYTES, "{}", text.len());
            let read: Failure = serde_json::from_str(&text).expect("whole");
            let kept = read.detail.trim_end_matches('…');
            assert!(detail.starts_with(kept) && !kept.is_empty());
        }
    }
}
