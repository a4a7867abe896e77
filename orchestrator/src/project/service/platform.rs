//! The platform as a whole: paused or not, and its few settings.

use jiff::Timestamp;

use crate::actor::{Actor, words};
use crate::audit;
use crate::error::{Error, Result};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::listen::Topic;
use crate::project::access::{self, Operation};
use crate::project::store;

/// Most runs that the platform may be told to have at once.
const MOST_LIVE_RUNS: i64 = 10_000;

/// A setting that acts at once, in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Runs with a pod at once, over all projects.
    MaxLiveRuns,
}

words!(Setting: MaxLiveRuns = "max_live_runs");

impl Setting {
    /// What it does, for people.
    pub fn about(self) -> &'static str {
        match self {
            Self::MaxLiveRuns => "runs that may have a pod at once, over all projects; 0 admits nothing",
        }
    }

    fn check(self, value: i64) -> Result<i64> {
        let range = match self {
            Self::MaxLiveRuns => 0..=MOST_LIVE_RUNS,
        };
        if range.contains(&value) {
            Ok(value)
        } else {
            Err(Error::Invalid(format!(
                "value of {self} must be from {} to {}",
                range.start(),
                range.end()
            )))
        }
    }
}

/// The platform now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    pub max_live_runs: i64,
    pub paused_at: Option<Timestamp>,
}

impl Platform {
    pub fn value(&self, setting: Setting) -> i64 {
        match setting {
            Setting::MaxLiveRuns => self.max_live_runs,
        }
    }
}

/// The settings and whether the platform is paused.
///
/// # Errors
///
/// `NotFound` for who may not see them.
pub async fn platform(orchestrator: &Orchestrator, actor: &Actor) -> Result<Platform> {
    let mut tx = orchestrator.look("platform.read").await?;
    access::require_platform(&mut tx, actor, Operation::SettingRead, "platform", "settings").await?;
    store::platform(&mut tx).await
}

/// Sets one setting. Asking twice changes nothing.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Invalid` for a value outside its range.
pub async fn set_setting(
    orchestrator: &Orchestrator,
    actor: &Actor,
    setting: Setting,
    value: i64,
    key: Option<Key>,
) -> Result<Platform> {
    let mut tx = orchestrator.begin("platform.set").await?;
    let word = setting.as_str();
    let rule = access::permit_platform(&mut tx, actor, Operation::SettingSet, "setting", word).await?;
    let value = setting.check(value)?;
    if idempotency::recall::<()>(&mut tx, actor, key.as_ref())
        .await?
        .is_none()
    {
        match setting {
            Setting::MaxLiveRuns => store::set_max_live_runs(&mut tx, value).await?,
        }
        let object = ("setting", format!("{word}={value}"));
        audit::record_done(&mut tx, actor, "setting_set", object, None, &rule).await?;
        idempotency::remember(&mut tx, actor, key.as_ref(), &()).await?;
        tx.notify(Topic::Poke, "admission").await?;
    }
    let now = store::platform(&mut tx).await?;
    tx.commit().await?;
    Ok(now)
}

/// Lets nothing start anywhere, or lets runs start again. Runs that live go on. Asking twice keeps the first moment.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn set_platform_paused(
    orchestrator: &Orchestrator,
    actor: &Actor,
    paused: bool,
    key: Option<Key>,
) -> Result<Platform> {
    let mut tx = orchestrator.begin("platform.set_paused").await?;
    let rule =
        access::permit_platform(&mut tx, actor, Operation::PlatformPause, "platform", "admission").await?;
    if idempotency::recall::<()>(&mut tx, actor, key.as_ref())
        .await?
        .is_none()
    {
        store::set_platform_paused(&mut tx, paused).await?;
        let operation = if paused {
            "platform_pause"
        } else {
            "platform_resume"
        };
        audit::record_done(&mut tx, actor, operation, ("platform", "admission"), None, &rule).await?;
        idempotency::remember(&mut tx, actor, key.as_ref(), &()).await?;
        tx.notify(Topic::Poke, "admission").await?;
    }
    let now = store::platform(&mut tx).await?;
    tx.commit().await?;
    Ok(now)
}
