//! Lists of runs: every filter narrows, pages follow each other, and none of it reads the whole table.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use orchestrator::page::PageAsk;
use orchestrator::run::{self, Filter};
use orchestrator::testing::{Seeded, TestDb, seed};
use orchestrator::work_item::{self, WorkItem, WorkItemKind};
use orchestrator::{Actor, Orchestrator};

fn titled(project: &Seeded, number: i64, title: &str, minute: i64) -> WorkItem {
    WorkItem {
        repository_id: project.repository_id,
        number,
        kind: WorkItemKind::Issue,
        title: title.into(),
        open: true,
        labels: Vec::new(),
        author_github_user_id: None,
        author_login: None,
        head_branch: None,
        head_sha: None,
        url: format!("http://github.test/octo/alpha/issues/{number}"),
        as_of: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute),
    }
}

async fn see(orchestrator: &Orchestrator, item: &WorkItem) {
    let mut tx = orchestrator.begin("test.see").await.unwrap();
    assert!(work_item::save(&mut tx, item).await.unwrap());
    tx.commit().await.unwrap();
}

async fn numbers(orchestrator: &Orchestrator, actor: &Actor, filter: Filter) -> Vec<i64> {
    let page = PageAsk::new(None, None).unwrap();
    let found = run::list(orchestrator, actor, &filter, page).await.unwrap();
    found.items.iter().filter_map(|(run, _)| run.number).collect()
}

#[tokio::test]
async fn every_filter_narrows_and_what_is_beside_a_run_is_told() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    let bank = seed(&orchestrator, "bank", 2, 2).await.unwrap();
    see(&orchestrator, &titled(&alpha, 1, "The price is 50% off", 1)).await;
    for number in 1..=3 {
        alpha.start(&orchestrator, Some(number)).await.unwrap();
    }
    bank.start(&orchestrator, Some(4)).await.unwrap();
    let me = &alpha.maintainer;
    let all = numbers(&orchestrator, me, Filter::default()).await;
    assert_eq!(all, [3, 2, 1], "newest first, and nothing of others");
    let by = async |filter: Filter| numbers(&orchestrator, me, filter).await;

    let text = |text: &str| Filter {
        text: Some(text.into()),
        ..Filter::default()
    };
    assert_eq!(by(text("PRICE")).await, [1]);
    assert_eq!(by(text("50% off")).await, [1], "a text is no pattern");
    assert_eq!(by(text("5_%")).await, [0; 0]);
    assert_eq!(by(text("codex/issue-2")).await, [2], "the branch too");
    // A title that changes is found by what it is now.
    see(&orchestrator, &titled(&alpha, 1, "The cost is wrong", 2)).await;
    assert_eq!(
        (by(text("price")).await, by(text("cost")).await),
        (vec![], vec![1])
    );

    let of = |project_id| Filter {
        project_id: Some(project_id),
        ..Filter::default()
    };
    assert_eq!(by(of(alpha.project_id)).await, all);
    assert_eq!(by(of(bank.project_id)).await, [0; 0], "another's list is empty");
    let states = |states: &[&str]| Filter {
        states: states.iter().map(ToString::to_string).collect(),
        ..Filter::default()
    };
    assert_eq!(by(states(&["failed", "queued"])).await, all);
    assert_eq!(by(states(&["failed"])).await, [0; 0]);
    let started = |person_id| Filter {
        started_by: Some(person_id),
        ..Filter::default()
    };
    assert_eq!(by(started(alpha.person_id)).await, all);
    assert_eq!(by(started(bank.person_id)).await, [0; 0]);
    let stage = |stage: &str, kind: &str| Filter {
        stage: Some(stage.into()),
        kind: Some(kind.into()),
        ..Filter::default()
    };
    assert_eq!(by(stage("dev", "work")).await, all);
    assert_eq!(by(stage("dev", "review")).await, [0; 0]);
    let now = orchestrator.clock().now();
    let times = |after, before| Filter {
        created_after: after,
        created_before: before,
        ..Filter::default()
    };
    let hour = SignedDuration::from_hours(1);
    assert_eq!(by(times(Some(now - hour), Some(now + hour))).await, all);
    assert_eq!(by(times(Some(now + hour), None)).await, [0; 0]);
    assert_eq!(by(times(None, Some(now - hour))).await, [0; 0]);

    let page = PageAsk::new(Some(1), None).unwrap();
    let found = run::list(&orchestrator, me, &text("cost"), page).await.unwrap();
    let (run, beside) = &found.items[0];
    assert_eq!(run.title.as_deref(), Some("The cost is wrong"));
    assert_eq!(
        (
            beside.repository.as_str(),
            beside.started_by_login.as_deref(),
            beside.cost_micro_usd
        ),
        ("octo/alpha", Some("alpha-maintainer"), Some(0))
    );
    db.done().await;
}

/// Many ended runs of a project, some failed, on an issue each, with as much text as real ones have.
const MANY: &str = "INSERT INTO runs (run_id, project_id, repository_id, number, title, stage, agent_profile_id, state, reason,
        started_by, branch, last_message, active_seconds_limit, queued_at, state_since, finished_at, created_at, traceparent)
    SELECT gen_random_uuid(), r.project_id, r.repository_id, 1000 + n, 'Issue ' || md5(n::text), r.stage, r.agent_profile_id,
        CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'succeeded' END, CASE WHEN n % 50 = 0 THEN 'agent_error' END, r.started_by,
        'codex/issue-' || n, repeat('What was done. ', 80), 3600, at, at, at, at, r.traceparent
    FROM runs r CROSS JOIN generate_series(1, 20000) n, LATERAL (SELECT now() - n * interval '1 minute' AS at) t";

#[tokio::test]
async fn no_list_reads_the_whole_table() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    alpha.start(&orchestrator, Some(1)).await.unwrap();
    for sql in [MANY, "VACUUM ANALYZE runs"] {
        sqlx::query(sql).execute(db.pool()).await.unwrap();
    }
    let whole = async || {
        // What a connection did is told at most once a second, when it ends a transaction.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let one = PageAsk::new(Some(1), None).unwrap();
        run::list(&orchestrator, &alpha.maintainer, &Filter::default(), one)
            .await
            .unwrap();
        let sql = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'runs'";
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(db.pool())
            .await
            .unwrap()
    };
    let before = whole().await;
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        Filter::default(),
        Filter {
            states: vec!["failed".into()],
            ..Filter::default()
        },
        Filter {
            states: vec!["waiting".into(), "running".into()],
            ..Filter::default()
        },
        Filter {
            started_by: Some(alpha.person_id),
            ..Filter::default()
        },
        Filter {
            number: Some(1001),
            repository_id: Some(alpha.repository_id),
            ..Filter::default()
        },
        Filter {
            text: text("issue"),
            ..Filter::default()
        },
        Filter {
            text: text("c4ca4238a0"),
            ..Filter::default()
        },
        Filter {
            text: text("nowhere at all"),
            ..Filter::default()
        },
        Filter {
            stage: text("qa"),
            ..Filter::default()
        },
        Filter {
            created_before: Some(Timestamp::UNIX_EPOCH),
            ..Filter::default()
        },
    ];
    for filter in &filters {
        let mut cursor: Option<String> = None;
        for _ in 0..5 {
            let page = PageAsk::new(Some(50), cursor.as_deref()).unwrap();
            let found = run::list(&orchestrator, &alpha.maintainer, filter, page)
                .await
                .unwrap();
            cursor = found.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    // While the table was empty it was read whole, and that is told late; since it is full, a scan reads 20,000 rows.
    let read = whole().await - before;
    assert!(read < 20_000, "some filter scans the table of runs: {read} rows");
    db.done().await;
}
