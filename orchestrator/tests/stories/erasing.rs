//! What a deleted project leaves behind: its own row, the audit, and what is others'.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use orchestrator::agent::{self, Kind, Output, Profile};
use orchestrator::approval::{self, WaitKind};
use orchestrator::credential::MasterKey;
use orchestrator::run::{self, Run, Snapshot, UsageReport};
use orchestrator::testing::{Seeded, TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Clock, Orchestrator, project};
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

const SYSTEM: Actor = Actor::System("test");

/// Tables whose rows are some project's, and by which column that is told.
const OWNED: &str = "
    SELECT table_name || ' ' || (array_agg(column_name::text ORDER BY
        array_position(ARRAY['project_id', 'run_id', 'repository_id'], column_name::text)))[1]
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
      AND column_name IN ('project_id', 'run_id', 'repository_id')
      AND table_name <> 'projects' AND table_name NOT LIKE 'audit%'
      -- Goes with its passage, as the stories of knowledge show; a part of it is made with a model.
      AND table_name NOT LIKE 'knowledge_embeddings%'
    GROUP BY table_name ORDER BY table_name";

/// What no use case of this story makes. `$1` is the project, `$2` its repository, `$3` a run of it, `$4` a person.
const MADE_BY_HAND: [&str; 14] = [
    "INSERT INTO project_blocks SELECT $1, $4, now() WHERE $2 <> $3",
    "INSERT INTO work_items (repository_id, number, kind, title, state, labels, url, as_of)
         SELECT $2, 7, 'issue', 'Price', 'open', '{}', 'http://host/7', now() WHERE $1 <> $3 AND $4 <> $3",
    "INSERT INTO deliveries (delivery_id, guid, event, body_bytes, received_at, traceparent, project_id, repository_id,
             run_id, verdict, processed_at)
         SELECT gen_random_uuid(), $3::text, 'issues', 0, now(), '', $1, $2, $3, 'run_created', now() WHERE $4 <> $3",
    "UPDATE runs SET delivery_id = (SELECT delivery_id FROM deliveries d WHERE d.run_id = $3)
         WHERE run_id = $3 AND $1 <> $2 AND $4 <> $3",
    "INSERT INTO run_changes SELECT $3, 'src/a', 'added' WHERE $1 <> $2 AND $4 <> $3",
    "INSERT INTO run_tasks SELECT gen_random_uuid(), $3, 'person', now() WHERE $1 <> $2 AND $4 <> $3",
    "INSERT INTO membership_rules (membership_rule_id, org, project_id, role, created_at)
         SELECT gen_random_uuid(), 'acme', $1, 'viewer', now() WHERE $2 <> $3 AND $4 <> $3",
    "INSERT INTO secrets (secret_id, project_id, name, kind, key_id, sealed_data_key, sealed_value, set_by, set_at,
             created_at)
         SELECT gen_random_uuid(), $1, 'db', 'value', 'k', '', '', 'test', now(), now() WHERE $2 <> $3 AND $4 <> $3",
    "INSERT INTO knowledge_documents (document_id, repository_id, path, blob_sha, pass, commit_sha, kind, language, bytes,
             lines, text)
         SELECT gen_random_uuid(), $2, 'a.md', 'b', 1, 'c', 'docs', 'english', 1, 1, 'x'
         WHERE $1 <> $3 AND $4 <> $3",
    "INSERT INTO knowledge_chunks (chunk_id, document_id, repository_id, content_sha256, heading, names, line_from, line_to,
             text, words)
         SELECT gen_random_uuid(), document_id, $2, '', '', '{}', 1, 1, 'x', '' FROM knowledge_documents
         WHERE repository_id = $2 AND $1 <> $3 AND $4 <> $3",
    "INSERT INTO knowledge_names SELECT chunk_id, $2, 'x' FROM knowledge_chunks
         WHERE repository_id = $2 AND $1 <> $3 AND $4 <> $3",
    "INSERT INTO knowledge_common_words SELECT $2, 'x', 1 WHERE $1 <> $3 AND $4 <> $3",
    "WITH model AS
             (INSERT INTO embedding_models (name, dims, checksum, is_external, state, created_at)
              VALUES ($3::text, 1, 'c', false, 'building', now()) RETURNING model_id)
         INSERT INTO knowledge_pending (model_id, chunk_id, repository_id) SELECT model_id, chunk_id, repository_id FROM model, knowledge_chunks
         WHERE repository_id = $2 AND $1 <> $3 AND $4 <> $3",
    "INSERT INTO knowledge_readers SELECT $4, $2, true, now() WHERE $1 <> $3",
];

/// A project with a row in every table that rows of projects are in, and its last run.
async fn lived_in(db: &TestDb, orchestrator: &Orchestrator, slug: &str, number: i64) -> (Seeded, Run) {
    let seeded = seed(orchestrator, slug, number, 1).await.unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    let profile = Profile {
        project_id: Some(seeded.project_id),
        ..Profile::codex("dev", Output::PullRequest)
    };
    agent::set_profile(&mut tx, &SYSTEM, &profile).await.unwrap();
    tx.commit().await.unwrap();
    let place = (Some(seeded.project_id), "dev", Kind::Work);
    agent::save_prompt(orchestrator, &seeded.maintainer, place, None, "Work.", None)
        .await
        .unwrap();
    seeded.start(orchestrator, Some(7)).await.unwrap();
    let first = admit_and_run(orchestrator).await.unwrap();
    worked(orchestrator, &first).await;
    run::cancel(orchestrator, &SYSTEM, first.run_id, None, None)
        .await
        .unwrap();
    run::pod_proven_gone(orchestrator, first.lease()).await.unwrap();
    run::retry(orchestrator, &SYSTEM, first.run_id, None)
        .await
        .unwrap();
    let second = admit_and_run(orchestrator).await.unwrap();
    for statement in MADE_BY_HAND {
        sqlx::query(statement)
            .bind(seeded.project_id.uuid())
            .bind(seeded.repository_id.uuid())
            .bind(first.run_id.uuid())
            .bind(seeded.person_id.uuid())
            .execute(db.pool())
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    (seeded, second)
}

async fn worked(orchestrator: &Orchestrator, run: &Run) {
    let supervisor = supervisor_of(run);
    run::append_log(orchestrator, &supervisor, "agent", 0, "hello")
        .await
        .unwrap();
    let used = UsageReport {
        turn: 0,
        model: "gpt-6".into(),
        requests: 1,
        input_tokens: 1,
        cached_input_tokens: 0,
        output_tokens: 1,
        reasoning_tokens: 0,
        cost_micro_usd: None,
    };
    run::report_usage(orchestrator, &supervisor, vec![used])
        .await
        .unwrap();
    let hour = SignedDuration::from_hours(1);
    approval::ask(orchestrator, &agent_of(run), WaitKind::Question, "Blue?", hour)
        .await
        .unwrap();
    let data = b"session".to_vec();
    let snapshot = Snapshot {
        session: "s".into(),
        path: "p".into(),
        sha256: hex::encode(Sha256::digest(&data)),
        data,
    };
    run::put_snapshot(orchestrator, &supervisor, &snapshot)
        .await
        .unwrap();
}

/// Rows by table that are not `others'`.
async fn rows(db: &TestDb, others: &Seeded) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for line in db.texts(OWNED).await {
        let (table, column) = line.split_once(' ').expect("a table and its column");
        let others_rows = match column {
            "project_id" => "= $1",
            "run_id" => "IN (SELECT run_id FROM runs WHERE project_id = $1)",
            _ => "IN (SELECT repository_id FROM repositories WHERE project_id = $1)",
        };
        let sql =
            format!("SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND NOT {column} {others_rows}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(others.project_id.uuid())
            .fetch_one(db.pool())
            .await
            .unwrap();
        found.insert(table.to_owned(), count);
    }
    found
}

#[tokio::test]
async fn the_rows_of_a_deleted_project_go_and_nobody_elses() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let (alpha, live) = lived_in(&db, &orchestrator, "alpha", 1).await;
    let (beta, _) = lived_in(&db, &orchestrator, "beta", 2).await;
    let before = rows(&db, &beta).await;
    let empty: Vec<_> = before.iter().filter(|(_, rows)| **rows == 0).collect();
    assert_eq!(empty, [], "a table that this story does not fill proves nothing");
    let of_beta = rows(&db, &alpha).await;

    project::delete(&orchestrator, &SYSTEM, alpha.project_id, "alpha", None)
        .await
        .unwrap();
    clock.advance(SignedDuration::from_hours(7 * 24 + 1));
    assert_eq!(project::purge_due(&orchestrator).await.unwrap(), 1);
    assert_eq!(
        project::erase_due(&orchestrator).await.unwrap(),
        0,
        "it may have words to say"
    );
    clock.advance(SignedDuration::from_hours(24));
    let waits = project::erase_due(&orchestrator).await.unwrap();
    assert_eq!(waits, 0, "a pod of it may be there");
    run::pod_proven_gone(&orchestrator, live.lease()).await.unwrap();

    assert!(project::erase_due(&orchestrator).await.unwrap() > 0);
    let left = rows(&db, &beta).await;
    let left: Vec<_> = left.iter().filter(|(_, rows)| **rows > 0).collect();
    assert_eq!(left, []);
    assert_eq!(rows(&db, &alpha).await, of_beta);
    assert_eq!(project::erase_due(&orchestrator).await.unwrap(), 0, "once");
    let audited = "SELECT count(*)::text FROM audit_entries a JOIN projects p USING (project_id)
        WHERE slug = 'alpha' AND operation IN ('project_purge', 'project_delete')";
    assert_eq!(db.texts(audited).await, ["2"]);
    db.done().await;
}
