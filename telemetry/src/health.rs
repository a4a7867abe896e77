//! Whether a program can do its work now, and if not, because of what.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The time a check has to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// An answer that is kept serves the probes of this long.
const KEPT: Duration = Duration::from_secs(30);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> Answer + Send + Sync>;

/// The dependencies that a program cannot work without, by name.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
}

/// What the checks said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    pub checks: Vec<Checked>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub name: &'static str,
    pub ok: bool,
    /// Why not, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Readiness {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a dependency. `check` is called for each probe; its error's text is shown, so it must hold no secret.
    #[must_use]
    pub fn with<F, A, E>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(ask(check())));
        self.checks.push((name, check));
        self
    }

    /// As [`Self::with`], for what is not ours and counts our calls: an answer, whatever it is, is kept for half a minute.
    #[must_use]
    pub fn with_kept<F, A, E>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + 'static,
    {
        let check = Arc::new(check);
        let kept = Arc::new(Mutex::new(None));
        let check: Check = Arc::new(move || {
            let (check, kept) = (Arc::clone(&check), Arc::clone(&kept));
            Box::pin(async move {
                let mut kept = kept.lock().await;
                if let Some((since, answer)) = &*kept
                    && Instant::elapsed(since) < KEPT
                {
                    return Clone::clone(answer);
                }
                let answer = ask(check()).await;
                *kept = Some((Instant::now(), answer.clone()));
                answer
            })
        });
        self.checks.push((name, check));
        self
    }

    /// Asks all dependencies side by side, each for at most 2 seconds.
    pub async fn report(&self) -> Report {
        let mut asked = JoinSet::new();
        for (position, (_, check)) in self.checks.iter().enumerate() {
            let check = Arc::clone(check);
            asked.spawn(async move { (position, check().await) });
        }
        let mut answers = vec![Err("the check itself broke; see the log".to_owned()); self.checks.len()];
        while let Some(joined) = asked.join_next().await {
            if let Ok((position, answer)) = joined {
                answers[position] = answer;
            }
        }
        let checks: Vec<_> = self.checks.iter().zip(answers).map(checked).collect();
        Report {
            ready: checks.iter().all(|check| check.ok),
            checks,
        }
    }
}

async fn ask<E: Display>(answer: impl Future<Output = Result<(), E>>) -> Result<(), String> {
    match tokio::time::timeout(DEADLINE, answer).await {
        // `:#` shows the causes of an anyhow error too.
        Ok(answer) => answer.map_err(|error| format!("{error:#}")),
        Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

fn checked(((name, _), answer): (&(&'static str, Check), Result<(), String>)) -> Checked {
    Checked {
        name,
        ok: answer.is_ok(),
        reason: answer.err(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn each_dependency_answers_for_itself() {
        let readiness = Readiness::new()
            .with("database", async || Ok::<(), String>(()))
            .with("queue", async || {
                Err(anyhow::anyhow!("refused").context("cannot reach the queue"))
            })
            .with("keys", async || {
                std::future::pending::<()>().await;
                Ok::<(), String>(())
            })
            .with("broken", || async {
                Err::<(), String>(Vec::<String>::new()[0].clone())
            });
        let report = tokio::time::timeout(DEADLINE * 5, readiness.report())
            .await
            .expect("the deadline holds");
        assert!(!report.ready);
        let reasons: Vec<_> = report
            .checks
            .iter()
            .map(|check| (check.name, check.reason.as_deref().unwrap_or("ok")))
            .collect();
        assert_eq!(
            reasons,
            [
                ("database", "ok"),
                ("queue", "cannot reach the queue: refused"),
                ("keys", "no answer within 2 s"),
                ("broken", "the check itself broke; see the log"),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_kept_serves_the_next_probes_too() {
        let asked = Arc::new(AtomicU32::new(0));
        let readiness = Readiness::new().with_kept("github", {
            let asked = Arc::clone(&asked);
            move || {
                let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
                async move { if first { Err("away") } else { Ok(()) } }
            }
        });
        assert!(!readiness.report().await.ready);
        tokio::time::advance(KEPT / 2).await;
        assert!(!readiness.report().await.ready);
        tokio::time::advance(KEPT).await;
        assert!(readiness.report().await.ready);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn nothing_to_wait_for_is_ready() {
        assert!(Readiness::new().report().await.ready);
    }
}
