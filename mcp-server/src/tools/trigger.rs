//! The rules that turn an event into a run, or say why not.

use contract::bounded::Text;
use contract::trigger::{
    TriggerCondition, TriggerDelete, TriggerDeleted, TriggerList, TriggerPage, TriggerRule, TriggerSample,
    TriggerSet, TriggerSource, TriggerTest, TriggerVerdict, TriggerView,
};
use orchestrator::project::access::Operation;
use orchestrator::trigger::{self, Act, Asked, Condition, Rule, Sample, Source, StoredRule, WantedRule};
use orchestrator::{Error, Result};

use super::{STAFF, count, idempotency_key, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<List>()
        .with::<Set>()
        .with::<Delete>()
        .with::<Test>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "trigger_list";
    const TITLE: &'static str = "List trigger rules";
    const ABOUT: &'static str = "Lists the rules by which a project turns events into runs, in the order of asking: the first that is switched on \
         and fits decides. Names the acts there are. To find out what an event would do, ask trigger_test.";
    const OPERATION: Operation = Operation::TriggerRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = TriggerList;
    type Answer = TriggerPage;

    async fn call(call: &Call<'_>, ask: TriggerList) -> Result<TriggerPage> {
        let found = trigger::list_rules(call.orchestrator, call.actor, ask.project_id.into()).await?;
        Ok(TriggerPage {
            rules: found.into_iter().map(show).collect::<Result<_>>()?,
            acts: Act::ALL.map(str::to_owned).to_vec(),
        })
    }
}

struct Set;

impl Tool for Set {
    const NAME: &'static str = "trigger_set";
    const TITLE: &'static str = "Set a trigger rule";
    const ABOUT: &'static str = "Adds a rule to a project, or replaces the one of an id and version; enabled false switches it off, trigger_delete takes it away. A rule gives \
         nobody a right: who sent an event is asked as before. Try it with trigger_test first.";
    const OPERATION: Operation = Operation::TriggerSet;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = TriggerSet;
    type Answer = TriggerView;

    async fn call(call: &Call<'_>, ask: TriggerSet) -> Result<TriggerView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let version = ask.version.map(|version| version.get().cast_signed());
        let wanted = WantedRule {
            of: ask.trigger_rule_id.map(|id| (id.into(), version)),
            position: count(ask.position.get()),
            enabled: ask.enabled.unwrap_or(true),
            rule: rule(ask.rule)?,
        };
        let project_id = ask.project_id.into();
        show(trigger::set_rule(call.orchestrator, call.actor, project_id, wanted, key).await?)
    }
}

struct Delete;

impl Tool for Delete {
    const NAME: &'static str = "trigger_delete";
    const TITLE: &'static str = "Delete a trigger rule";
    const ABOUT: &'static str = "Deletes a rule that somebody added to a project, at the version that was looked at. A rule that came with the \
         platform (shipped) cannot be deleted: switch it off with trigger_set and enabled false.";
    const OPERATION: Operation = Operation::TriggerSet;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = TriggerDelete;
    type Answer = TriggerDeleted;

    async fn call(call: &Call<'_>, ask: TriggerDelete) -> Result<TriggerDeleted> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let (on, version) = (
            (ask.project_id.into(), ask.trigger_rule_id.into()),
            ask.version.get().cast_signed(),
        );
        trigger::delete_rule(call.orchestrator, call.actor, on, version, key).await?;
        Ok(TriggerDeleted {
            trigger_rule_id: ask.trigger_rule_id,
        })
    }
}

struct Test;

impl Tool for Test {
    const NAME: &'static str = "trigger_test";
    const TITLE: &'static str = "Try trigger rules";
    const ABOUT: &'static str = "Tries a project's rules on a stored delivery or on a sample, and with rule one that is not kept yet before them. \
         Says what would happen and why, and what it took for granted. Nothing happens from it. Why a delivery did what it \
         did is delivery_explain.";
    const OPERATION: Operation = Operation::TriggerTest;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = TriggerTest;
    type Answer = TriggerVerdict;

    async fn call(call: &Call<'_>, ask: TriggerTest) -> Result<TriggerVerdict> {
        let asked = match (ask.delivery_id, ask.sample) {
            (Some(id), None) => Asked::Delivery(id.into()),
            (None, Some(it)) => Asked::Sample(sample(it)?),
            _ => {
                return Err(Error::Invalid(
                    "give a delivery_id or a sample, one of the two".into(),
                ));
            }
        };
        let tried = ask.rule.map(rule).transpose()?;
        let with_rule = tried.is_some();
        let project_id = ask.project_id.into();
        let done = trigger::try_out(call.orchestrator, call.actor, project_id, asked, tried);
        let (trial, by, assumed) = done.await?;
        let (stage, model, effort) = match trial.start {
            Some(start) => (Some(start.stage), start.model, start.effort),
            None => (None, None, None),
        };
        Ok(TriggerVerdict {
            verdict: trial.verdict.to_owned(),
            reason: trial.reason.map(str::to_owned),
            summary: trial.summary,
            next: trial.next.map(str::to_owned),
            by_tried_rule: with_rule && trial.rule == Some(0),
            trigger_rule_id: by.map(Into::into),
            stage,
            model,
            effort,
            assumed: assumed.into_iter().map(str::to_owned).collect(),
        })
    }
}

fn source(source: TriggerSource) -> Result<Source> {
    let word = written_word(source)?;
    Source::parse(&word).ok_or_else(|| Error::internal("an unknown source of events"))
}

fn text<const MIN: usize, const MAX: usize>(text: Option<Text<MIN, MAX>>) -> Option<String> {
    text.map(Text::into_inner)
}

fn texts<const MAX: usize>(texts: Vec<Text<1, MAX>>) -> Vec<String> {
    texts.into_iter().map(Text::into_inner).collect()
}

fn rule(rule: TriggerRule) -> Result<Rule> {
    let condition = rule.condition;
    Ok(Rule {
        source: source(rule.source)?,
        event: rule.event.into_inner(),
        actions: texts(rule.actions.into_inner()),
        condition: Condition {
            label: text(condition.label),
            label_prefix: text(condition.label_prefix),
            label_suffix: text(condition.label_suffix),
            review_state: text(condition.review_state),
            comment_prefix: text(condition.comment_prefix),
            default_branch: condition.default_branch,
            ..Condition::default()
        },
        act: Act::named(rule.act.as_str()),
    })
}

fn sample(sample: TriggerSample) -> Result<Sample> {
    Ok(Sample {
        source: source(sample.source)?,
        event: sample.event.into_inner(),
        action: text(sample.action).unwrap_or_default(),
        label: text(sample.label),
        labels: sample.labels.map(|labels| texts(labels.into_inner())),
        on_pull_request: sample.on_pull_request,
        review_state: text(sample.review_state),
        comment: text(sample.comment),
        pushes_default_branch: sample.pushes_default_branch,
    })
}

fn show(stored: StoredRule) -> Result<TriggerView> {
    let condition = stored.rule.condition;
    let not_understood = !condition.unknown.is_empty();
    Ok(TriggerView {
        trigger_rule_id: stored.trigger_rule_id.uuid(),
        version: count(stored.version),
        position: count(stored.position),
        enabled: stored.enabled,
        shipped: stored.shipped,
        source: word(stored.rule.source.as_str())?,
        event: stored.rule.event,
        actions: stored.rule.actions,
        condition: TriggerCondition {
            label: shown(condition.label)?,
            label_prefix: shown(condition.label_prefix)?,
            label_suffix: shown(condition.label_suffix)?,
            review_state: shown(condition.review_state)?,
            comment_prefix: shown(condition.comment_prefix)?,
            default_branch: condition.default_branch,
        },
        act: stored.rule.act.act,
        not_understood,
    })
}

fn shown<const MAX: usize>(text: Option<String>) -> Result<Option<Text<1, MAX>>> {
    text.map(|text| text.try_into().map_err(Error::internal))
        .transpose()
}
