//! Tokens the model proxy counted, and whether more may be spent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::runner::{ModelUsage, UsageAnswer, UsageReport};

use super::platform::{CallError, Platform};

/// What the turn used so far. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    models: BTreeMap<String, ModelUsage>,
    /// Tokens the turn may use; none means no limit.
    limit: Option<u64>,
    /// The platform said that the budget is spent.
    exceeded: bool,
    reported: Vec<ModelUsage>,
}

/// Tokens of one answer of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) cached_input: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

impl Meter {
    /// Goes on from the totals of an earlier supervisor of this turn.
    pub(crate) fn new(limit: Option<u64>, earlier: &[ModelUsage]) -> Self {
        let models = earlier
            .iter()
            .map(|usage| (usage.model.clone(), usage.clone()))
            .collect();
        Self(Arc::new(Mutex::new(Counts {
            models,
            limit,
            ..Counts::default()
        })))
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
    pub(crate) fn spent(&self) -> Option<String> {
        let counts = self.lock();
        if counts.exceeded {
            return Some("the platform says that the budget of this run is spent".into());
        }
        let used: u64 = counts
            .models
            .values()
            .map(|usage| usage.input_tokens + usage.output_tokens)
            .sum();
        let limit = counts.limit.filter(|limit| used >= *limit)?;
        Some(format!("this turn used {used} tokens; its limit is {limit}"))
    }

    pub(crate) fn totals(&self) -> Vec<ModelUsage> {
        self.lock().models.values().cloned().collect()
    }

    /// Tells the platform the totals, if they changed since it was last told.
    pub(crate) async fn report(&self, platform: &Platform) -> Result<(), CallError> {
        let models = self.totals();
        if models == self.lock().reported {
            return Ok(());
        }
        let report = UsageReport {
            models: models.clone(),
        };
        let answer: UsageAnswer = platform.call_once("run_usage_report", &report).await?;
        let mut counts = self.lock();
        counts.reported = models;
        counts.exceeded |= answer.exceeded;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn exceed(&self) {
        self.lock().exceeded = true;
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
