//! A project's rules as people change and try them.

use orchestrator::idempotency::Key;
use orchestrator::trigger::{self, Act, Asked, Rule, Sample, WantedRule};
use orchestrator::{Actor, Error, delivery};

use crate::inbox::{Inbox, OWN, T0, labeled};

fn wanted(position: i32, rule: Rule) -> WantedRule {
    WantedRule {
        of: None,
        position,
        enabled: true,
        rule,
    }
}

/// A rule before all others: the label starts nothing more.
fn ends_instead() -> Rule {
    Rule {
        act: Act::named(Act::END_RUN),
        ..trigger::seeded().remove(1)
    }
}

#[tokio::test]
async fn a_rule_is_added_changed_and_switched_off() {
    let inbox = Inbox::new().await;
    let (orchestrator, by) = (&inbox.orchestrator, &inbox.project.maintainer);
    let project_id = inbox.project.project_id;
    let set = |wanted| trigger::set_rule(orchestrator, by, project_id, wanted, None);
    let seeded = trigger::list_rules(orchestrator, by, project_id).await.unwrap();
    assert_eq!(seeded.len(), trigger::seeded().len());

    let taken = set(wanted(seeded[0].position, ends_instead())).await;
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
    let nonsense = Rule {
        act: Act::named("dance"),
        ..ends_instead()
    };
    let nonsense = set(wanted(5, nonsense)).await;
    assert!(matches!(nonsense, Err(Error::Invalid(_))), "{nonsense:?}");
    let added = set(wanted(5, ends_instead())).await.unwrap();
    assert_eq!(added.version, 1);
    let first = trigger::list_rules(orchestrator, by, project_id)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(first, added);

    let change = |version, enabled| WantedRule {
        of: Some((added.trigger_rule_id, version)),
        enabled,
        ..wanted(6, ends_instead())
    };
    let unseen = set(change(None, false)).await;
    assert!(matches!(unseen, Err(Error::StaleVersion)), "{unseen:?}");
    let off = set(change(Some(1), false)).await.unwrap();
    assert_eq!((off.version, off.position, off.enabled), (2, 6, false));
    let late = set(change(Some(1), true)).await;
    assert!(matches!(late, Err(Error::StaleVersion)), "{late:?}");

    let audited =
        "SELECT count(*) FROM audit_entries WHERE operation = 'trigger_set' AND decision = 'allowed'";
    assert_eq!(inbox.count(audited).await, 2);
    inbox.db.done().await;
}

#[tokio::test]
async fn a_stored_delivery_is_tried_and_nothing_comes_of_it() {
    let inbox = Inbox::new().await;
    let (orchestrator, by) = (&inbox.orchestrator, &inbox.project.maintainer);
    let project_id = inbox.project.project_id;
    let event = labeled("run:dev", T0);
    let delivery_id = inbox.receive("guid-1", "issues", &event).await.delivery_id;
    delivery::examine(orchestrator, delivery_id, OWN).await.unwrap();
    let runs = "SELECT count(*) FROM runs";
    let everything = "SELECT (SELECT count(*) FROM work_items) + (SELECT count(*) FROM effects)";
    let before = inbox.count(everything).await;

    let ask = || Asked::Delivery(delivery_id);
    let (trial, rule, assumed) = trigger::try_out(orchestrator, by, project_id, ask(), None)
        .await
        .unwrap();
    assert_eq!(trial.verdict, "start", "{trial:?}");
    assert_eq!(trial.start.unwrap().stage, "dev");
    assert!(rule.is_some() && !assumed.is_empty());
    let (trial, rule, _) = trigger::try_out(orchestrator, by, project_id, ask(), Some(ends_instead()))
        .await
        .unwrap();
    assert_eq!((trial.verdict, trial.reason), ("ignore", Some("nothing_to_end")));
    assert_eq!((trial.rule, rule), (Some(0), None), "the tried rule decided");
    assert_eq!(inbox.count(runs).await, 0);
    assert_eq!(inbox.count(everything).await, before);

    let other = orchestrator::testing::seed(orchestrator, "beta", 2, 1)
        .await
        .unwrap();
    let foreign = trigger::try_out(orchestrator, &other.maintainer, other.project_id, ask(), None).await;
    assert!(matches!(foreign, Err(Error::NotFound { .. })), "{foreign:?}");
    let system = Actor::System("test");
    let elsewhere = trigger::try_out(orchestrator, &system, other.project_id, ask(), None).await;
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })), "{elsewhere:?}");
    inbox.db.done().await;
}

#[tokio::test]
async fn a_sample_is_tried_by_the_rules_that_are_switched_on() {
    let inbox = Inbox::new().await;
    let (orchestrator, by) = (&inbox.orchestrator, &inbox.project.maintainer);
    let project_id = inbox.project.project_id;
    let sample = || {
        Asked::Sample(Sample {
            event: "issues".into(),
            action: "labeled".into(),
            label: Some("run:dev".into()),
            ..Sample::default()
        })
    };
    let verdict = async || {
        let tried = trigger::try_out(orchestrator, by, project_id, sample(), None).await;
        tried.unwrap().0.verdict
    };
    assert_eq!(verdict().await, "start");
    let before = wanted(5, ends_instead());
    trigger::set_rule(orchestrator, by, project_id, before, None)
        .await
        .unwrap();
    assert_eq!(verdict().await, "ignore");
    inbox.db.done().await;
}

#[tokio::test]
async fn a_rule_of_ones_own_is_deleted_and_a_shipped_one_is_only_switched_off() {
    let inbox = Inbox::new().await;
    let (orchestrator, by) = (&inbox.orchestrator, &inbox.project.maintainer);
    let project_id = inbox.project.project_id;
    let key = || Key::new("trigger_delete", "k", &1).unwrap();
    let delete = |id, version, key| trigger::delete_rule(orchestrator, by, (project_id, id), version, key);
    let own = trigger::set_rule(orchestrator, by, project_id, wanted(5, ends_instead()), None)
        .await
        .unwrap();
    assert!(!own.shipped);
    let stale = delete(own.trigger_rule_id, 2, None).await;
    assert!(matches!(stale, Err(Error::StaleVersion)), "{stale:?}");
    let foreign = (orchestrator::id::ProjectId::new(), own.trigger_rule_id);
    let elsewhere = trigger::delete_rule(orchestrator, by, foreign, 1, None).await;
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })), "{elsewhere:?}");
    delete(own.trigger_rule_id, 1, Some(key())).await.unwrap();
    delete(own.trigger_rule_id, 1, Some(key())).await.unwrap();
    let gone = delete(own.trigger_rule_id, 1, None).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");

    let left = trigger::list_rules(orchestrator, by, project_id).await.unwrap();
    assert_eq!(left.len(), trigger::seeded().len());
    for rule in left {
        let kept = delete(rule.trigger_rule_id, rule.version, None).await;
        assert!(
            matches!(&kept, Err(Error::Conflict(why)) if why.contains("enabled false")),
            "{kept:?}"
        );
    }
    let audited: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_entries WHERE operation = 'trigger_delete' AND decision = 'allowed'",
    )
    .fetch_one(inbox.db.pool())
    .await
    .unwrap();
    assert_eq!(audited, 1);
    inbox.db.done().await;
}
