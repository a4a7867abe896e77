//! What each program may do in the database: the whole of it as a snapshot, and what it may not, by trying.

use std::fmt::Write as _;

use orchestrator::credential::{self, EdgeKey, MasterKey, SealedBy};
use orchestrator::identity::{login, oauth, rule, session};
use orchestrator::postgres::{Program, Roles, grant};
use orchestrator::testing::{AUDIENCE, PUBLIC_AUDIENCE, TestDb};
use orchestrator::{
    Clock, approval, audit, delivery, effect, idempotency, port_call, project, run, stats, workers,
};

/// Every table with the columns that a role may read, insert and change, and whether it may delete. A table that is not
/// named is nobody's.
const RIGHTS: &str = "
    SELECT format('%s %s', c.relname, string_agg(format('%s %s', verb.verb, verb.columns), '; ' ORDER BY verb.place))
    FROM pg_class c CROSS JOIN LATERAL (
        SELECT p.place, p.verb, CASE
            WHEN has_table_privilege($1, c.oid, p.verb) THEN 'all'
            ELSE (SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND has_column_privilege($1, c.oid, a.attnum, p.verb)) END AS columns
        FROM (VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE')) p (place, verb)
        UNION ALL
        SELECT 4, 'DELETE', CASE WHEN has_table_privilege($1, c.oid, 'DELETE') THEN 'rows' END) verb
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND verb.columns IS NOT NULL
    GROUP BY c.relname ORDER BY c.relname";

#[tokio::test]
async fn the_rights_of_each_program() {
    let db = TestDb::new().await;
    let mut table = String::new();
    for program in Program::ALL {
        let role = Roles::default().name(*program);
        writeln!(table, "{program}").unwrap();
        for line in db.texts_with(RIGHTS, &role).await {
            writeln!(table, "    {line}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
    let everything = "SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'r'
        AND c.relnamespace = current_schema()::regnamespace ORDER BY 1";
    let known: Vec<_> = table
        .lines()
        .filter_map(|line| line.trim().split(' ').next())
        .collect();
    let nobodys: Vec<_> = db
        .texts(everything)
        .await
        .into_iter()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    assert_eq!(nobodys, [""; 0], "a table without a line in grants.sql");
    db.done().await;
}

#[tokio::test]
async fn what_a_program_does_not_need_it_is_denied() {
    let db = TestDb::new().await;
    for (program, statement) in [
        (Program::Gateway, "SELECT sealed_value FROM secrets"),
        (Program::Gateway, "SELECT name FROM secrets"),
        (Program::Gateway, "SELECT answer FROM port_calls"),
        (Program::Gateway, "SELECT data FROM run_snapshots"),
        (Program::Gateway, "SELECT * FROM audit_entries"),
        (Program::Gateway, "DELETE FROM audit_entries"),
        (Program::Gateway, "UPDATE signing_keys SET sealed_key = '\\x00'"),
        (
            Program::Gateway,
            "INSERT INTO break_glass_codes SELECT FROM people",
        ),
        (
            Program::Gateway,
            "INSERT INTO people (person_id, platform_role) VALUES (gen_random_uuid(), 'owner')",
        ),
        (Program::Gateway, "UPDATE access_tokens SET expires_at = now()"),
        (Program::McpServer, "SELECT sealed_value FROM secrets"),
        (Program::McpServer, "SELECT cookie_sha256 FROM sessions"),
        (Program::McpServer, "SELECT sealed FROM oauth_refresh_tokens"),
        (Program::McpServer, "INSERT INTO signing_keys (kid) VALUES ('k')"),
        (Program::McpServer, "DELETE FROM audit_unsealed"),
        (Program::McpServer, "INSERT INTO audit_seals SELECT FROM people"),
        (Program::Worker, "SELECT cookie_sha256 FROM sessions"),
        (Program::Worker, "SELECT sealed FROM oauth_codes"),
        (Program::Worker, "DELETE FROM audit_entries"),
        (Program::Worker, "DELETE FROM audit_seals"),
        (Program::Worker, "UPDATE signing_keys SET public_key = '\\x00'"),
    ]
    .into_iter()
    .chain(Program::ALL.iter().flat_map(|program| {
        [
            "CREATE TABLE mine (id int)",
            "ALTER TABLE people ADD COLUMN mine int",
            "DROP TABLE people",
            "TRUNCATE people",
            "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "UPDATE _sqlx_migrations SET success = false",
        ]
        .map(|statement| (*program, statement))
    })) {
        let refused = db.refusal_of(program, statement).await;
        assert_eq!(refused.as_deref(), Some("42501"), "{program}: {statement}");
    }
    db.done().await;
}

/// The gateway holds the edge key; what the master key seals is not even shown to it.
#[tokio::test]
async fn the_gateway_sees_the_keys_it_can_open_and_peoples_tokens_alone() {
    let db = TestDb::new().await;
    let (clock, edge_key) = (Clock::default(), EdgeKey::generate());
    let inside = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    orchestrator::testing::seed(&inside, "shop", 1, 1).await.unwrap();
    let edge = db.edge(clock.clone(), edge_key.clone()).await;
    credential::ensure_signing_key(&edge, PUBLIC_AUDIENCE, SealedBy::Edge)
        .await
        .unwrap();
    let gateway = db.gateway(clock.clone(), edge_key).await;
    let seen = credential::signing_keys(&gateway).await.unwrap();
    let audiences: Vec<_> = seen
        .iter()
        .map(|key| (key.audience.as_str(), key.opens))
        .collect();
    assert_eq!(audiences, [(PUBLIC_AUDIENCE, true)]);
    let role = orchestrator::actor::PlatformRole::Owner;
    let until = clock.now() + jiff::SignedDuration::from_hours(1);
    credential::issue_platform_token(&inside, AUDIENCE, "ops", role, until)
        .await
        .unwrap();
    let count = "SELECT count(*)::text FROM access_tokens";
    assert_eq!(db.texts(count).await, ["1"]);
    assert_eq!(db.texts_as(Program::Gateway, count).await, ["0"]);
    assert_eq!(db.texts_as(Program::McpServer, count).await, ["1"]);
    db.done().await;
}

#[tokio::test]
async fn rights_are_as_of_this_version_after_each_migration() {
    let db = TestDb::new().await;
    db.run("GRANT SELECT ON secrets TO codex_gateway").await;
    db.run("REVOKE SELECT ON deliveries FROM codex_gateway").await;
    grant(db.url(), &Roles::default()).await.unwrap();
    let secrets = db.refusal_of(Program::Gateway, "SELECT name FROM secrets").await;
    assert_eq!(secrets.as_deref(), Some("42501"));
    assert_eq!(
        db.refusal_of(Program::Gateway, "SELECT guid FROM deliveries")
            .await,
        None
    );
    db.done().await;
}

/// A login that may make no roles is told what somebody else has to run.
#[tokio::test]
async fn without_the_right_to_make_roles_it_says_what_to_do() {
    let db = TestDb::new().await;
    db.run("DO $$ BEGIN CREATE ROLE t_maker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        .await;
    let url = format!("{}&options[role]=t_maker", with_query(db.url()));
    let refused = grant(&url, &Roles::new("other").unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("CREATE ROLE \"other_gateway\" NOLOGIN"),
        "{refused}"
    );
    db.done().await;
}

fn with_query(url: &str) -> String {
    if url.contains('?') {
        url.to_owned()
    } else {
        format!("{url}?application_name=test")
    }
}

/// What runs once an hour would be missed by other stories: each is asked of the database here under the worker's role.
#[tokio::test]
async fn the_workers_rounds_need_no_more_than_they_have() {
    let db = TestDb::new().await;
    let (clock, key) = (Clock::default(), MasterKey::generate());
    let inside = db.orchestrator_with(clock.clone(), key.clone()).await;
    let shop = orchestrator::testing::seed(&inside, "shop", 1, 1).await.unwrap();
    let system = orchestrator::Actor::System("test");
    project::delete(&inside, &system, shop.project_id, "shop", None)
        .await
        .unwrap();
    clock.advance(jiff::SignedDuration::from_hours(24 * 8));
    let later = clock.clone();
    let worker = db.orchestrator_of(Program::Worker, clock, key).await;
    audit::seal(&worker).await.unwrap();
    workers::beat(&worker, "w", "1").await.unwrap();
    stats::read(&worker).await.unwrap();
    run::admit_next(&worker).await.unwrap();
    run::reap(&worker).await.unwrap();
    run::reconcile(&worker).await.unwrap();
    effect::reconcile(&worker).await.unwrap();
    delivery::requeue_unprocessed(&worker).await.unwrap();
    delivery::begin_sweep(&worker).await.unwrap();
    delivery::sweep_bodies(&worker).await.unwrap();
    approval::expire(&worker).await.unwrap();
    port_call::sweep(&worker).await.unwrap();
    run::sweep(&worker).await.unwrap();
    credential::sweep(&worker).await.unwrap();
    credential::secret::reseal(&worker).await.unwrap();
    oauth::sweep(&worker).await.unwrap();
    session::sweep(&worker).await.unwrap();
    login::sweep(&worker).await.unwrap();
    idempotency::sweep(&worker).await.unwrap();
    rule::claim(&worker).await.unwrap();
    assert_eq!(project::purge_due(&worker).await.unwrap(), 1);
    later.advance(jiff::SignedDuration::from_hours(24));
    assert!(project::erase_due(&worker).await.unwrap() > 0);
    db.done().await;
}
