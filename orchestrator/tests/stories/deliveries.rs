//! From a signed event to a run, or to a reason that can be read.

use jiff::SignedDuration;
use orchestrator::credential::MasterKey;
use orchestrator::delivery::{self, Examined, Filter, HostRead, Verdict};
use orchestrator::page::PageAsk;
use orchestrator::ports::code_host::HostPermission;
use orchestrator::trigger::{ConflictReason, IgnoreReason};
use orchestrator::{Actor, Clock, Error, run, work_item};
use serde_json::json;

use crate::inbox::{Inbox, OWN, T0, T1, T2, changed, labeled, open_issue};

#[tokio::test]
async fn a_label_starts_one_run_for_ever() {
    let inbox = Inbox::new().await;
    let event = labeled("run:dev", T0);
    let first = inbox.receive("guid-1", "issues", &event).await;
    let again = inbox.receive("guid-1", "issues", &event).await;
    assert_eq!((again.delivery_id, again.duplicate), (first.delivery_id, true));
    let read = open_issue(&["run:dev"]);
    let verdict = inbox.work(first.delivery_id, &read).await;
    let Verdict::RunCreated(run_id) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        inbox.work(first.delivery_id, &read).await,
        verdict,
        "settled once"
    );

    let same_meaning = inbox.verdict("guid-2", "issues", &event, &read).await;
    assert_eq!(same_meaning, Verdict::Ignored(IgnoreReason::AlreadyUsed));
    let another = inbox
        .verdict("guid-3", "issues", &labeled("run:dev", T1), &read)
        .await;
    assert_eq!(another, Verdict::Conflict(ConflictReason::LiveRunExists));
    let once_more = inbox
        .verdict("guid-4", "issues", &labeled("run:dev", T2), &read)
        .await;
    assert_eq!(once_more, Verdict::Conflict(ConflictReason::LiveRunExists));
    let comments = inbox.comments().await;
    assert_eq!(
        comments.len(),
        1,
        "said once for the run in the way: {comments:?}"
    );

    let system = Actor::System("test");
    let run = run::get(&inbox.orchestrator, &system, run_id).await.unwrap();
    assert_eq!(run.started_by, Some(inbox.project.person_id));
    assert_eq!(
        (run.number, run.stage.as_str(), run.delivery_id),
        (Some(1), "dev", Some(first.delivery_id))
    );
    let stored = delivery::get(&inbox.orchestrator, &system, first.delivery_id)
        .await
        .unwrap();
    assert_eq!(run.traceparent[..35], stored.traceparent[..35], "one trace");
    assert_eq!(inbox.count("SELECT count(*) FROM runs").await, 1);
    assert_eq!(
        inbox
            .count("SELECT count(*) FROM audit_entries WHERE operation = 'run_start'")
            .await,
        1
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn two_workers_settle_a_delivery_once() {
    let inbox = Inbox::new().await;
    let received = inbox.receive("guid-1", "issues", &labeled("run:dev", T0)).await;
    let read = open_issue(&["run:dev"]);
    let works = (0..8).map(|_| inbox.work(received.delivery_id, &read));
    let verdicts = futures_util::future::join_all(works).await;
    assert!(
        verdicts.iter().all(|verdict| *verdict == verdicts[0]),
        "{verdicts:?}"
    );
    assert_eq!(inbox.count("SELECT count(*) FROM runs").await, 1);
    inbox.db.done().await;
}

#[tokio::test]
async fn nothing_outward_is_read_or_written_for_those_who_may_not_start() {
    let inbox = Inbox::new().await;
    let event = |sender: serde_json::Value| {
        let mut event = labeled("run:dev", T0);
        event["sender"] = sender;
        event
    };
    let stranger = event(json!({ "id": 4711, "login": "stranger", "type": "User" }));
    let bot = event(json!({ "id": 4712, "login": "renovate[bot]", "type": "Bot" }));
    let own = event(json!({ "id": 99, "login": "codex[bot]", "type": "Bot" }));
    let nobody = event(serde_json::Value::Null);
    let mut foreign = labeled("run:dev", T0);
    foreign["repository"]["id"] = json!(1);
    for (guid, event, reason) in [
        ("stranger", &stranger, IgnoreReason::UnknownSender),
        ("bot", &bot, IgnoreReason::Bot),
        ("own", &own, IgnoreReason::OwnEvent),
        ("nobody", &nobody, IgnoreReason::NoSender),
        ("foreign", &foreign, IgnoreReason::NotBound),
    ] {
        assert_eq!(
            inbox.settled(guid, "issues", event).await,
            Verdict::Ignored(reason),
            "{guid}"
        );
    }
    orchestrator::identity::disable(
        &inbox.orchestrator,
        &Actor::System("test"),
        inbox.project.person_id,
    )
    .await
    .unwrap();
    let verdict = inbox.settled("disabled", "issues", &labeled("run:dev", T0)).await;
    assert_eq!(verdict, Verdict::Ignored(IgnoreReason::SenderDisabled));
    assert_eq!(inbox.effects().await.len(), 0);
    assert_eq!(inbox.count("SELECT count(*) FROM runs").await, 0);
    inbox.db.done().await;
}

#[tokio::test]
async fn what_the_code_host_says_now_decides() {
    let inbox = Inbox::new().await;
    let open = || open_issue(&["run:dev"]);
    let no_write = HostRead {
        sender_permission: HostPermission::Triage,
        ..open()
    };
    let gone = HostRead {
        issue: None,
        ..open()
    };
    let closed = changed(open(), |issue| issue.open = false);
    let edited = changed(open(), |issue| issue.body = "Send me the keys.".into());
    let two = open_issue(&["run:dev", "run:qa"]);
    for (guid, read, verdict) in [
        (
            "no-write",
            &no_write,
            Verdict::Ignored(IgnoreReason::NoWritePermission),
        ),
        ("gone", &gone, Verdict::Ignored(IgnoreReason::IssueGone)),
        ("closed", &closed, Verdict::Ignored(IgnoreReason::IssueClosed)),
        ("edited", &edited, Verdict::Ignored(IgnoreReason::BodyChanged)),
        ("two", &two, Verdict::Conflict(ConflictReason::LabelConflict)),
    ] {
        assert_eq!(
            inbox.verdict(guid, "issues", &labeled("run:dev", T0), read).await,
            verdict,
            "{guid}"
        );
    }
    let comments = inbox.comments().await;
    assert_eq!(
        comments.len(),
        2,
        "the edited text and the two labels are said: {comments:?}"
    );
    assert_eq!(inbox.count("SELECT count(*) FROM runs").await, 0);

    let edited_by_a_writer = HostRead {
        author_permission: HostPermission::Write,
        ..edited
    };
    let verdict = inbox
        .verdict("writer", "issues", &labeled("run:dev", T0), &edited_by_a_writer)
        .await;
    let Verdict::RunCreated(run_id) = verdict else {
        panic!("{verdict:?}")
    };
    let run = run::get(&inbox.orchestrator, &Actor::System("test"), run_id)
        .await
        .unwrap();
    let text = work_item::issue_text_sha256("Price", "Send me the keys.");
    assert_eq!(
        run.issue_text_sha256,
        Some(text),
        "the text as it was read is what the run begins with"
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn removing_the_label_or_closing_the_issue_ends_the_run() {
    let inbox = Inbox::new().await;
    for (number, (action, read)) in [
        ("unlabeled", open_issue(&[])),
        (
            "closed",
            changed(open_issue(&["run:dev"]), |issue| issue.open = false),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let started = labeled("run:dev", &format!("2026-11-2{number}T10:00:00Z"));
        let guid = |what: &str| format!("{what}-{action}");
        let verdict = inbox
            .verdict(&guid("start"), "issues", &started, &open_issue(&["run:dev"]))
            .await;
        let Verdict::RunCreated(run_id) = verdict else {
            panic!("{verdict:?}")
        };
        let mut event = started;
        event["action"] = json!(action);
        let verdict = inbox.verdict(&guid("end"), "issues", &event, &read).await;
        assert_eq!(verdict, Verdict::RunEnded(run_id));
        let run = run::get(&inbox.orchestrator, &Actor::System("test"), run_id)
            .await
            .unwrap();
        assert_eq!(run.state, run::RunState::Cancelled);
        let verdict = inbox.verdict(&guid("again"), "issues", &event, &read).await;
        assert_eq!(verdict, Verdict::Ignored(IgnoreReason::NothingToEnd));
    }
    inbox.db.done().await;
}

#[tokio::test]
async fn a_replay_finds_its_run_again_and_says_nothing_twice() {
    let inbox = Inbox::new().await;
    let (orchestrator, maintainer) = (&inbox.orchestrator, &inbox.project.maintainer);
    let read = open_issue(&["run:dev"]);
    let received = inbox.receive("guid-1", "issues", &labeled("run:dev", T0)).await;
    let looked = delivery::examine(orchestrator, received.delivery_id, OWN)
        .await
        .unwrap();
    assert!(matches!(looked, Examined::Look(_)), "{looked:?}");
    let early = delivery::replay(orchestrator, maintainer, received.delivery_id, None).await;
    assert!(matches!(early, Err(Error::Conflict(_))), "{early:?}");
    let verdict = inbox.work(received.delivery_id, &read).await;
    let reopened = delivery::replay(orchestrator, maintainer, received.delivery_id, None)
        .await
        .unwrap();
    assert_eq!(reopened.verdict, None);
    assert_eq!(inbox.work(received.delivery_id, &read).await, verdict);
    assert_eq!(inbox.count("SELECT count(*) FROM runs").await, 1);

    let two = open_issue(&["run:dev", "run:qa"]);
    let conflict = inbox.receive("guid-2", "issues", &labeled("run:dev", T1)).await;
    for _ in 0..2 {
        let verdict = inbox.work(conflict.delivery_id, &two).await;
        assert_eq!(verdict, Verdict::Conflict(ConflictReason::LabelConflict));
        delivery::replay(orchestrator, maintainer, conflict.delivery_id, None)
            .await
            .unwrap();
    }
    assert_eq!(inbox.comments().await.len(), 1);
    let audited =
        "SELECT count(*) FROM audit_entries WHERE operation = 'delivery_replay' AND decision = 'allowed'";
    // The early one was rolled back: it is in the audit of nobody.
    assert_eq!(inbox.count(audited).await, 3);
    inbox.db.done().await;
}

#[tokio::test]
async fn every_reason_and_wait_is_explained() {
    let inbox = Inbox::new().await;
    let (orchestrator, system) = (&inbox.orchestrator, Actor::System("test"));
    let received = inbox.receive("guid-1", "issues", &labeled("run:devv", T0)).await;
    let waiting = delivery::explain(orchestrator, &system, received.delivery_id)
        .await
        .unwrap();
    assert!(
        waiting.sentence.starts_with("It waits for a worker since 0 s."),
        "{}",
        waiting.sentence
    );
    delivery::attempt_failed(orchestrator, received.delivery_id, "GitHub is away", false)
        .await
        .unwrap();
    let waiting = delivery::explain(orchestrator, &system, received.delivery_id)
        .await
        .unwrap();
    assert!(
        waiting
            .sentence
            .contains("1 attempts failed, the last one because: GitHub is away"),
        "{}",
        waiting.sentence
    );
    inbox.work(received.delivery_id, &open_issue(&[])).await;
    let explained = delivery::explain(orchestrator, &system, received.delivery_id)
        .await
        .unwrap();
    insta::assert_snapshot!(format!("{}\n{}", explained.sentence, explained.next));

    for reason in IgnoreReason::ALL {
        let columns = "UPDATE deliveries SET verdict = 'ignored', reason = $1";
        sqlx::query(columns)
            .bind(reason.as_str())
            .execute(inbox.db.pool())
            .await
            .unwrap();
        let explained = delivery::explain(orchestrator, &system, received.delivery_id)
            .await
            .unwrap();
        assert!(
            explained.sentence.starts_with(reason.explain().sentence),
            "{reason}"
        );
        assert_eq!(explained.next, reason.explain().next);
    }
    let failed = inbox.receive("guid-2", "issues", &labeled("run:dev", T0)).await;
    delivery::attempt_failed(orchestrator, failed.delivery_id, "GitHub refused (403)", true)
        .await
        .unwrap();
    let explained = delivery::explain(orchestrator, &system, failed.delivery_id)
        .await
        .unwrap();
    assert!(
        explained.sentence.contains("GitHub refused (403)"),
        "{}",
        explained.sentence
    );
    assert!(matches!(explained.delivery.verdict, Some(Verdict::Failed(_))));
    inbox.db.done().await;
}

#[tokio::test]
async fn unreadable_bodies_get_a_verdict() {
    let inbox = Inbox::new().await;
    for (guid, body) in [
        ("empty", ""),
        ("list", "[]"),
        ("broken", "{\"action\":"),
        ("nul", "\0\0"),
    ] {
        let new = delivery::NewDelivery {
            guid: guid.into(),
            event: "issues".into(),
            content_type: None,
            body: body.as_bytes().to_vec(),
            traceparent: orchestrator::trace::TraceParent::begin(),
        };
        let received = delivery::receive(&inbox.orchestrator, new).await.unwrap();
        let verdict = inbox.work(received.delivery_id, &open_issue(&[])).await;
        assert_eq!(verdict, Verdict::Ignored(IgnoreReason::Unreadable), "{guid}");
    }
    let mut odd = labeled("run:dev\0", T0);
    odd["action"] = json!("lab\0eled");
    odd["issue"]["title"] = json!("a\0b");
    odd["issue"]["updated_at"] = json!("-009999-01-02T00:00:00Z");
    odd["sender"]["login"] = json!("x\0".repeat(5000));
    let verdict = inbox.settled("nul-within", "issues", &odd).await;
    assert_eq!(
        verdict,
        Verdict::Recorded,
        "PostgreSQL's text holds no NUL, and a delivery is never an error"
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn lost_jobs_missed_deliveries_and_old_bodies_are_looked_after() {
    let inbox = Inbox::new().await;
    let clock = Clock::default();
    let orchestrator = inbox
        .db
        .orchestrator_with(clock.clone(), MasterKey::generate())
        .await;
    let received = inbox.receive("guid-1", "issues", &labeled("run:dev", T0)).await;
    let jobs = "SELECT count(*) FROM river_job WHERE kind = 'delivery.process'";
    assert_eq!(
        delivery::requeue_unprocessed(&orchestrator).await.unwrap(),
        0,
        "it is young"
    );
    clock.advance(SignedDuration::from_secs(31));
    assert_eq!(
        delivery::requeue_unprocessed(&orchestrator).await.unwrap(),
        0,
        "its job is there"
    );
    sqlx::query("DELETE FROM river_job")
        .execute(inbox.db.pool())
        .await
        .unwrap();
    assert_eq!(delivery::requeue_unprocessed(&orchestrator).await.unwrap(), 1);
    assert_eq!(inbox.count(jobs).await, 1, "its job was lost and is there again");

    let guids = ["guid-1", "guid-2"].map(str::to_owned);
    assert_eq!(
        delivery::missing(&orchestrator, &guids).await.unwrap(),
        ["guid-2"]
    );
    let sweep = delivery::begin_sweep(&orchestrator)
        .await
        .unwrap()
        .expect("it is due");
    assert_eq!(
        delivery::begin_sweep(&orchestrator).await.unwrap(),
        None,
        "somebody has it"
    );
    clock.advance(SignedDuration::from_mins(6));
    let after_a_death = delivery::begin_sweep(&orchestrator)
        .await
        .unwrap()
        .expect("its lease ended");
    delivery::end_sweep(&orchestrator, &after_a_death).await.unwrap();
    assert_eq!(
        delivery::begin_sweep(&orchestrator).await.unwrap(),
        None,
        "it was done just now"
    );
    clock.advance(SignedDuration::from_mins(11));
    let next = delivery::begin_sweep(&orchestrator)
        .await
        .unwrap()
        .expect("it is due again");
    assert!(next.since > sweep.since && next.since < after_a_death.begun_at);

    clock.advance(SignedDuration::from_hours(31 * 24));
    assert_eq!(
        delivery::sweep_bodies(&orchestrator).await.unwrap(),
        0,
        "it was not worked on yet"
    );
    inbox.work(received.delivery_id, &open_issue(&["run:dev"])).await;
    assert_eq!(delivery::sweep_bodies(&orchestrator).await.unwrap(), 1);
    let system = Actor::System("test");
    assert_eq!(
        delivery::payload(&orchestrator, &system, received.delivery_id)
            .await
            .unwrap(),
        None
    );
    let replayed = delivery::replay(&orchestrator, &system, received.delivery_id, None).await;
    assert!(matches!(replayed, Err(Error::Precondition(_))), "{replayed:?}");
    inbox.db.done().await;
}

#[tokio::test]
async fn an_older_event_changes_no_newer_projection() {
    let inbox = Inbox::new().await;
    let mut newer = labeled("bug", T1);
    newer["issue"]["title"] = json!("New title");
    assert_eq!(inbox.settled("newer", "issues", &newer).await, Verdict::Recorded);
    assert_eq!(
        inbox.settled("older", "issues", &labeled("bug", T0)).await,
        Verdict::Recorded
    );
    let mut tx = inbox.orchestrator.begin("test").await.unwrap();
    let item = work_item::get(&mut tx, inbox.project.repository_id, 1)
        .await
        .unwrap();
    assert_eq!(item.title, "New title");
    assert_eq!(item.as_of, T1.parse().unwrap());
    drop(tx);
    inbox.db.done().await;
}

#[tokio::test]
async fn deliveries_are_listed_page_by_page() {
    let inbox = Inbox::new().await;
    for n in 0..5 {
        inbox
            .settled(&format!("guid-{n}"), "issues", &labeled("bug", T0))
            .await;
    }
    inbox.receive("waiting", "issues", &labeled("run:dev", T0)).await;
    let system = Actor::System("test");
    let list = |filter: Filter, cursor: Option<String>| {
        let (orchestrator, system) = (&inbox.orchestrator, &system);
        async move {
            let ask = PageAsk::new(Some(4), cursor.as_deref()).unwrap();
            delivery::list(orchestrator, system, &filter, ask).await.unwrap()
        }
    };
    let first = list(Filter::default(), None).await;
    let second = list(Filter::default(), first.next_cursor.clone()).await;
    let guids: Vec<_> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|delivery| delivery.guid.as_str())
        .collect();
    assert_eq!(
        guids,
        ["waiting", "guid-4", "guid-3", "guid-2", "guid-1", "guid-0"]
    );
    let waiting = list(
        Filter {
            verdict: Some("none".into()),
            ..Filter::default()
        },
        None,
    )
    .await;
    assert_eq!(waiting.items.len(), 1);
    let examined = delivery::examine(&inbox.orchestrator, waiting.items[0].delivery_id, OWN)
        .await
        .unwrap();
    assert!(matches!(examined, Examined::Look(look) if look.number == 1 && look.sender.len() == 2));
    inbox.db.done().await;
}

/// A delivery and a call of `run_start` both lock the issue and its live run: in one order, or one of them is the victim
/// of a deadlock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn labels_and_calls_for_one_issue_never_deadlock() {
    let inbox = Inbox::new().await;
    inbox.project.start(&inbox.orchestrator, Some(1)).await.unwrap();
    let read = open_issue(&["run:dev"]);
    for round in 0..5 {
        let labels = (0..4).map(|number| {
            let (inbox, read) = (&inbox, &read);
            async move {
                let guid = format!("guid-{round}-{number}");
                inbox
                    .verdict(&guid, "issues", &labeled("run:dev", T1), read)
                    .await
            }
        });
        let calls = (0..4).map(|_| inbox.project.start(&inbox.orchestrator, Some(1)));
        let (verdicts, started) = tokio::join!(
            futures_util::future::join_all(labels),
            futures_util::future::join_all(calls)
        );
        for verdict in verdicts {
            assert_eq!(verdict, Verdict::Conflict(ConflictReason::LiveRunExists));
        }
        for refused in started {
            assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        }
    }
    inbox.db.done().await;
}

/// The App set the label for a person who asked for that with a tool: it is that person's wish.
#[tokio::test]
async fn a_label_that_our_app_set_for_a_person_starts_that_persons_run() {
    let inbox = Inbox::new().await;
    let by_us = |updated_at| {
        let mut payload = labeled("run:dev", updated_at);
        payload["sender"] = json!({"id": 99, "login": "codex[bot]", "type": "Bot"});
        payload
    };
    let read = open_issue(&["run:dev"]);
    let own = inbox.settled("g0", "issues", &by_us(T0)).await;
    assert_eq!(
        own,
        Verdict::Ignored(IgnoreReason::OwnEvent),
        "nobody asked for it"
    );

    let asked = |asked_by: &'static str| {
        format!(
            "INSERT INTO effects (effect_id, project_id, repository_id, number, kind, arguments, state, not_before, actor,
                 asked_by, traceparent, created_at, updated_at)
             SELECT '{}', project_id, repository_id, 1, 'labels', '{{\"kind\":\"labels\",\"add\":[\"Run:dev\"],\"remove\":[]}}',
                 'applied', now(), 'test', {asked_by}, '', now() - interval '1 minute', now()
             FROM repositories WHERE name = 'alpha'",
            uuid::Uuid::now_v7()
        )
    };
    let person = "(SELECT person_id FROM people WHERE login = 'alpha-maintainer')";
    let ask = async |sql: String| {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(inbox.db.pool())
            .await
            .unwrap();
    };
    ask(asked(person)).await;
    let Verdict::RunCreated(run_id) = inbox.verdict("g1", "issues", &by_us(T1), &read).await else {
        panic!("no run");
    };
    let system = Actor::System("test");
    let run = run::get(&inbox.orchestrator, &system, run_id).await.unwrap();
    assert_eq!(run.started_by, Some(inbox.project.person_id));
    run::cancel(&inbox.orchestrator, &system, run_id, None, None)
        .await
        .unwrap();

    // Without write permission now the wish is worth as much as with own hands.
    let without = HostRead {
        sender_permission: HostPermission::Read,
        ..read.clone()
    };
    let verdict = inbox.verdict("g2", "issues", &by_us(T2), &without).await;
    assert_eq!(verdict, Verdict::Ignored(IgnoreReason::NoWritePermission));

    // What the platform itself set last is nobody's.
    ask(asked("NULL")).await;
    let own = inbox
        .settled("g3", "issues", &by_us("2026-11-23T13:00:00Z"))
        .await;
    assert_eq!(own, Verdict::Ignored(IgnoreReason::OwnEvent));
    inbox.db.done().await;
}
