//! Tokens the model proxy counted, and whether more may be spent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::runner::{ModelUsage, SpentLimit, UsageAnswer, UsageReport};

use tokio::sync::watch;

use super::end;
use super::platform::{CallError, Platform};

/// Tokens the platform may not have been told of yet; beyond them the model pauses until it has.
const UNREPORTED_TOKENS: u64 = 2_000_000;

/// What the turn used so far. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Meter {
    counts: Arc<Mutex<Counts>>,
    /// Answers that are on their way and not counted yet.
    open: watch::Sender<usize>,
}

/// An answer on its way; counted when it is dropped.
pub(crate) struct Open(watch::Sender<usize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

#[derive(Default)]
struct Counts {
    models: BTreeMap<String, ModelUsage>,
    /// Tokens the turn may use; none means no limit.
    limit: Option<u64>,
    /// The platform said that a limit of money is reached.
    spent: Option<SpentLimit>,
    reported: Vec<ModelUsage>,
}

/// Why nothing more may be spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// The case of the reason `budget`.
    pub(crate) sub_reason: &'static str,
    pub(crate) text: String,
}

/// Tokens of one answer of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) cached_input: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new(None, &[])
    }
}

impl Meter {
    /// Goes on from the totals of an earlier supervisor of this turn.
    pub(crate) fn new(limit: Option<u64>, earlier: &[ModelUsage]) -> Self {
        let models = earlier
            .iter()
            .map(|usage| (usage.model.clone(), usage.clone()))
            .collect();
        let counts = Counts {
            models,
            limit,
            ..Counts::default()
        };
        Self {
            counts: Arc::new(Mutex::new(counts)),
            open: watch::Sender::new(0),
        }
    }

    /// Notes an answer that is on its way.
    pub(crate) fn open(&self) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(self.open.clone())
    }

    /// Waits until every answer on its way is counted.
    pub(crate) async fn settled(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Counts a request that was let through.
    pub(crate) fn request(&self, model: &str) {
        self.with(model, |usage| usage.requests += 1);
    }

    /// Counts the tokens of an answer.
    pub(crate) fn tokens(&self, model: &str, tokens: Tokens) {
        self.with(model, |usage| {
            usage.input_tokens += tokens.input;
            usage.cached_input_tokens += tokens.cached_input;
            usage.output_tokens += tokens.output;
            usage.reasoning_tokens += tokens.reasoning;
        });
    }

    /// Says why nothing more may be spent, if so.
    pub(crate) fn spent(&self) -> Option<Spent> {
        let counts = self.lock();
        let say = |sub_reason, text: String| Some(Spent { sub_reason, text });
        match counts.spent {
            Some(SpentLimit::Run) => {
                return say(
                    "run_cost",
                    "the limit of what this run may cost is reached".into(),
                );
            }
            Some(SpentLimit::Project) => {
                return say("project_budget", "the project's budget is spent".into());
            }
            None => {}
        }
        let used = used(counts.models.values());
        let limit = counts.limit.filter(|limit| used >= *limit)?;
        say(
            "tokens",
            format!("this turn used {used} tokens; its limit is {limit}"),
        )
    }

    /// Takes what the platform allows now: a person may have given the run more.
    pub(crate) fn allow(&self, tokens: Option<u64>, spent: Option<SpentLimit>) {
        let mut counts = self.lock();
        (counts.limit, counts.spent) = (tokens, spent);
    }

    /// Says why the model pauses, if the platform does not know what was used: it cannot say that it was enough.
    pub(crate) fn ahead(&self) -> Option<String> {
        let counts = self.lock();
        let ahead = used(counts.models.values()).saturating_sub(used(&counts.reported));
        (ahead > UNREPORTED_TOKENS).then(|| {
            format!("the platform was not told yet of {ahead} tokens; the model pauses until it was")
        })
    }

    pub(crate) fn totals(&self) -> Vec<ModelUsage> {
        self.lock().models.values().cloned().collect()
    }

    /// Tells the platform the totals, if they changed since it was last told.
    pub(crate) async fn report(&self, platform: &Platform) -> Result<(), CallError> {
        if let Some(report) = self.unreported() {
            let answer = platform.call_once("run_usage_report", &report).await?;
            self.told(report, &answer);
        }
        Ok(())
    }

    /// The same, asked again for as long as the platform is away.
    pub(crate) async fn report_patiently(&self, platform: &Platform) -> end::Result<()> {
        if let Some(report) = self.unreported() {
            let answer = platform.call("run_usage_report", &report).await?;
            self.told(report, &answer);
        }
        Ok(())
    }

    fn unreported(&self) -> Option<UsageReport> {
        let models = self.totals();
        (models != self.lock().reported).then_some(UsageReport { models })
    }

    fn told(&self, report: UsageReport, answer: &UsageAnswer) {
        let mut counts = self.lock();
        counts.reported = report.models;
        // A platform of an earlier version says only that there is one.
        let unnamed = answer.exceeded.then_some(SpentLimit::Project);
        counts.spent = answer.spent.or(unnamed);
    }

    #[cfg(test)]
    pub(crate) fn exceed(&self) {
        self.lock().spent = Some(SpentLimit::Project);
    }

    fn with(&self, model: &str, change: impl FnOnce(&mut ModelUsage)) {
        let mut counts = self.lock();
        let usage = counts
            .models
            .entry(model.to_owned())
            .or_insert_with(|| ModelUsage {
                model: model.to_owned(),
                requests: 0,
                input_tokens: 0,
                cached_input_tokens: 0,
                output_tokens: 0,
                reasoning_tokens: 0,
            });
        change(usage);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn used<'a>(models: impl IntoIterator<Item = &'a ModelUsage>) -> u64 {
    models
        .into_iter()
        .map(|usage| usage.input_tokens + usage.output_tokens)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_pauses_until_the_platform_knows_what_was_used() {
        let meter = Meter::default();
        let half = Tokens {
            input: UNREPORTED_TOKENS / 2,
            ..Tokens::default()
        };
        meter.tokens("m", half);
        meter.tokens("m", half);
        assert_eq!(meter.ahead(), None);
        meter.tokens(
            "m",
            Tokens {
                output: 1,
                ..Tokens::default()
            },
        );
        assert!(meter.ahead().is_some());
        let answer = UsageAnswer {
            cost_micro_usd: None,
            exceeded: false,
            spent: None,
        };
        meter.told(meter.unreported().expect("a report"), &answer);
        assert_eq!(
            (meter.ahead(), meter.unreported().map(|report| report.models)),
            (None, None)
        );
    }

    #[tokio::test]
    async fn answers_on_their_way_are_waited_for() {
        let meter = Meter::default();
        let open = meter.open();
        let settled = tokio::spawn({
            let meter = meter.clone();
            async move { meter.settled().await }
        });
        tokio::task::yield_now().await;
        assert!(!settled.is_finished());
        drop(open);
        settled.await.expect("settled");
    }
}
