//! What people do with a project's rules: look at them, change them, try them.

use super::trial::{MAX_RULES, Sample, Trial, as_expected, check_rule, try_rules};
use super::{Rule, store};
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{DeliveryId, ProjectId, TriggerRuleId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::project::access::{self, Operation, Target};

/// A rule as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRule {
    pub trigger_rule_id: TriggerRuleId,
    /// In the order of asking.
    pub position: i32,
    pub enabled: bool,
    /// Counts changes.
    pub version: i64,
    /// It came with the platform.
    pub shipped: bool,
    pub rule: Rule,
}

/// A rule to keep: a new one, or one that is there and its version.
#[derive(Clone, Debug)]
pub struct WantedRule {
    pub of: Option<(TriggerRuleId, Option<i64>)>,
    pub position: i32,
    pub enabled: bool,
    pub rule: Rule,
}

/// What rules are tried on.
#[derive(Clone, Debug)]
pub enum Asked {
    Delivery(DeliveryId),
    Sample(Sample),
}

/// All rules of a project, in the order of asking.
///
/// # Errors
///
/// `NotFound` for who may not see them.
pub async fn list_rules(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
) -> Result<Vec<StoredRule>> {
    let mut tx = orchestrator.look("trigger.list").await?;
    let on = Target::new(project_id, "project", project_id);
    access::require(&mut tx, actor, Operation::TriggerRead, &on).await?;
    crate::project::get(&mut tx, project_id).await?;
    store::all(&mut tx, project_id).await
}

/// Keeps a rule. It says what an event means and gives nobody a right: who sends the event is asked as before.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `StaleVersion`, `Invalid` for a rule that is none, `Conflict` if another rule has its place, or
/// `Capacity`.
pub async fn set_rule(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    wanted: WantedRule,
    key: Option<Key>,
) -> Result<StoredRule> {
    let mut tx = orchestrator.begin("trigger.set").await?;
    let on = Target::new(project_id, "project", project_id);
    let rule = access::permit(&mut tx, actor, Operation::TriggerSet, &on).await?;
    crate::project::get(&mut tx, project_id).await?;
    check_rule(&wanted.rule).map_err(Error::Invalid)?;
    store::lock(&mut tx, project_id).await?;
    let there = store::all(&mut tx, project_id).await?;
    if let Some(id) = idempotency::recall::<TriggerRuleId>(&mut tx, actor, key.as_ref()).await? {
        let kept = there.into_iter().find(|kept| kept.trigger_rule_id == id);
        return kept.ok_or_else(|| Error::not_found("trigger rule", id));
    }
    let saved = placed(&there, wanted)?;
    store::save(&mut tx, project_id, &saved).await?;
    let id = saved.trigger_rule_id;
    let operation = Operation::TriggerSet.as_str();
    audit::record_done(
        &mut tx,
        actor,
        operation,
        ("trigger_rule", id),
        Some(project_id),
        &rule,
    )
    .await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &id).await?;
    tx.commit().await?;
    Ok(saved)
}

/// Deletes a rule of people's own, as it was when somebody looked at it. With an idempotency key a repeat changes
/// nothing.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `StaleVersion`, or `Conflict` for a rule that came with the platform.
pub async fn delete_rule(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, id): (ProjectId, TriggerRuleId),
    version: i64,
    key: Option<Key>,
) -> Result<()> {
    let mut tx = orchestrator.begin("trigger.delete").await?;
    let on = Target::new(project_id, "project", project_id);
    let rule = access::permit(&mut tx, actor, Operation::TriggerSet, &on).await?;
    crate::project::get(&mut tx, project_id).await?;
    store::lock(&mut tx, project_id).await?;
    if idempotency::recall::<TriggerRuleId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(());
    }
    let there = store::all(&mut tx, project_id).await?;
    let kept = there.iter().find(|kept| kept.trigger_rule_id == id);
    deletable(kept.ok_or_else(|| Error::not_found("trigger rule", id))?, version)?;
    store::delete(&mut tx, id).await?;
    let object = ("trigger_rule", id);
    audit::record_done(&mut tx, actor, "trigger_delete", object, Some(project_id), &rule).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &id).await?;
    tx.commit().await
}

fn deletable(kept: &StoredRule, version: i64) -> Result<()> {
    if kept.version != version {
        return Err(Error::StaleVersion);
    }
    if kept.shipped {
        return Err(Error::Conflict(
            "this rule came with the platform and can only be switched off: trigger_set with enabled false"
                .into(),
        ));
    }
    Ok(())
}

/// The wanted rule beside those that are there.
fn placed(there: &[StoredRule], wanted: WantedRule) -> Result<StoredRule> {
    let id = wanted.of.map(|(id, _)| id);
    let in_place = |kept: &&StoredRule| kept.position == wanted.position && Some(kept.trigger_rule_id) != id;
    if let Some(other) = there.iter().find(in_place) {
        return Err(Error::Conflict(format!(
            "position {}: the rule {} is there; take another place, or move that one first",
            wanted.position, other.trigger_rule_id
        )));
    }
    let (trigger_rule_id, version, shipped) = match wanted.of {
        Some((id, made_on)) => {
            let kept = there
                .iter()
                .find(|kept| kept.trigger_rule_id == id)
                .ok_or_else(|| Error::not_found("trigger rule", id))?;
            if made_on != Some(kept.version) {
                return Err(Error::StaleVersion);
            }
            (id, kept.version + 1, kept.shipped)
        }
        None if there.len() >= MAX_RULES => {
            return Err(Error::Capacity(format!(
                "a project may have {MAX_RULES} rules; delete one with trigger_delete"
            )));
        }
        None => (TriggerRuleId::new(), 1, false),
    };
    Ok(StoredRule {
        trigger_rule_id,
        position: wanted.position,
        enabled: wanted.enabled,
        version,
        shipped,
        rule: wanted.rule,
    })
}

/// Tries a project's rules on an event, and before them one that is not kept yet. Nothing happens from it. Answers the
/// rule that decided, none if it is the tried one, and what was taken for granted.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `Invalid`, or `Precondition` for a delivery that cannot be read any more.
pub async fn try_out(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    asked: Asked,
    tried: Option<Rule>,
) -> Result<(Trial, Option<TriggerRuleId>, Vec<&'static str>)> {
    let mut tx = orchestrator.begin("trigger.try").await?;
    let on = Target::new(project_id, "project", project_id);
    access::require(&mut tx, actor, Operation::TriggerTest, &on).await?;
    let project = crate::project::get(&mut tx, project_id).await?;
    if let Some(rule) = &tried {
        check_rule(rule).map_err(Error::Invalid)?;
    }
    let (event, facts, assumed) = match asked {
        Asked::Sample(sample) => {
            let paused = project.paused_at.is_some();
            let models = crate::agent::list_models(&mut tx).await?;
            let models = models.into_iter().map(|model| model.model).collect();
            (sample.event(), sample.facts(paused, models), SAMPLE.to_vec())
        }
        Asked::Delivery(id) => {
            let known = crate::delivery::what_is_known(&mut tx, actor, project_id, id).await?;
            let text = known.event.issue_text_sha256.clone();
            let is_pull_request = known.event.on_pull_request;
            let mut facts = known.facts;
            facts.host = Some(as_expected(
                known.open,
                is_pull_request,
                known.labels,
                text.as_deref(),
            ));
            (known.event, facts, DELIVERY.to_vec())
        }
    };
    let kept: Vec<_> = store::all(&mut tx, project_id)
        .await?
        .into_iter()
        .filter(|kept| kept.enabled && kept.rule.source == event.source)
        .collect();
    let before = usize::from(tried.is_some());
    let rules: Vec<Rule> = tried
        .into_iter()
        .chain(kept.iter().map(|kept| kept.rule.clone()))
        .collect();
    let trial = try_rules(&rules, &event, &facts);
    let by = trial.rule.and_then(|rule| rule.checked_sub(before));
    let by = by
        .and_then(|rule| kept.get(rule))
        .map(|kept| kept.trigger_rule_id);
    // Nothing of it stays: reading a delivery notes what it tells.
    drop(tx);
    Ok((trial, by, assumed))
}

const SAMPLE: [&str; 4] = [
    "the repository is bound, and the platform's App may work there",
    "a person sent it who may start runs and has write permission at GitHub",
    "the issue is as the event says, and its text did not change",
    "no run is live on the issue",
];

const DELIVERY: [&str; 3] = [
    "the sender is not the platform's own App, and has write permission at GitHub now",
    "the issue is at GitHub now as the delivery says",
    "the delivery did not start a run before",
];
