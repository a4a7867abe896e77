use orchestrator::actor::{PlatformRole, Role};
use orchestrator::credential::{self, Leniency, MasterKey, SealedBy};
use orchestrator::postgres::admin;
use orchestrator::{Actor, Clock, identity};

use crate::support::{AUDIENCE, Installation, PUBLIC_AUDIENCE, mode};

const INIT: [&str; 5] = ["init", "--owner-id", "583231", "--owner-login", "octocat"];

#[tokio::test]
async fn migrate_brings_the_schema_once_and_wait_waits_for_it() {
    let (it, name) = Installation::empty().await;
    let early = it.run(&["migrate", "--wait", "--wait-seconds", "0"]);
    assert!(!early.success);
    assert!(
        early.stderr.contains("migrations are not applied yet"),
        "{}",
        early.stderr
    );
    let ill = it.run(&["doctor"]);
    assert!(!ill.success);
    assert!(ill.stdout.contains("FAIL  schema: ") && ill.stdout.contains("codex-k8s migrate"));
    let unready = it.run(&INIT);
    assert!(unready.stderr.contains("codex-k8s migrate"), "{}", unready.stderr);

    let first = it.run(&["migrate"]);
    assert!(first.success, "{}", first.stderr);
    assert!(
        first.stdout.contains("applied 20261123000200 identity people"),
        "{}",
        first.stdout
    );
    let second = it.run(&["migrate"]);
    let rights = "rights of codex_gateway, codex_mcp_server, codex_worker: as of this version\n";
    assert!(first.stdout.ends_with(rights), "{}", first.stdout);
    assert_eq!(
        (second.success, second.stdout),
        (true, format!("the schema is up to date\n{rights}"))
    );
    let wrong = it.run(&["migrate", "--role-prefix", "Robert'); --"]);
    assert!(wrong.stderr.contains("lower-case letters"), "{}", wrong.stderr);
    assert!(it.run(&["migrate", "--wait", "--wait-seconds", "0"]).success);

    admin::drop_database(it.db.url(), &name).await.expect("dropped");
    it.db.done().await;
}

#[tokio::test]
async fn init_makes_what_is_missing_and_nothing_twice() {
    let it = Installation::new().await;
    let first = it.run(&INIT);
    assert!(first.success, "{}", first.stderr);
    assert!(first.stdout.contains("master-key: made"), "{}", first.stdout);
    assert!(first.stdout.contains("owner octocat (GitHub id 583231): made"));
    assert_eq!(mode(&it.master_key()), 0o600);
    assert_eq!(mode(&it.edge_key()), 0o600);
    let written = std::fs::read_to_string(it.master_key()).expect("there");

    let second = it.run(&INIT);
    assert!(second.success, "{}", second.stderr);
    assert!(!second.stdout.contains(": made"), "{}", second.stdout);
    assert_eq!(std::fs::read_to_string(it.master_key()).expect("there"), written);
    assert!(!(first.stdout + &first.stderr + &second.stdout).contains(written.trim()));

    let key = MasterKey::read(&it.master_key()).expect("a key");
    let orchestrator = it.db.orchestrator_with(Clock::default(), key).await;
    let keys = credential::signing_keys(&orchestrator).await.expect("keys");
    let by_file: Vec<_> = keys
        .iter()
        .map(|key| (key.audience.as_str(), key.sealed_by, key.opens))
        .collect();
    // Whoever holds the master key alone cannot sign for people, and the other way round.
    assert_eq!(
        by_file,
        [
            (PUBLIC_AUDIENCE, SealedBy::Edge, false),
            (AUDIENCE, SealedBy::Master, true)
        ]
    );
    let mut tx = orchestrator.begin("test.read").await.expect("a transaction");
    let owner = identity::find_by_github_user_id(&mut tx, 583_231)
        .await
        .expect("read")
        .expect("known");
    assert_eq!(owner.platform_role, Some(PlatformRole::Owner));
    drop(tx);
    orchestrator.close().await;
    it.db.done().await;
}

#[tokio::test]
async fn a_lost_or_wrong_master_key_is_told_and_not_replaced() {
    let it = Installation::new().await;
    assert!(it.run(&INIT).success);
    let kept = std::fs::read(it.master_key()).expect("there");
    std::fs::remove_file(it.master_key()).expect("removed");
    let lost = it.run(&INIT);
    assert!(
        !lost.success && lost.stderr.contains("restore that file"),
        "{}",
        lost.stderr
    );
    assert!(!it.master_key().exists());

    std::fs::write(it.master_key(), MasterKey::generate().encode()).expect("written");
    let wrong = it.run(&INIT);
    assert!(
        !wrong.success && wrong.stderr.contains("does not open"),
        "{}",
        wrong.stderr
    );
    let ill = it.run(&["doctor"]);
    assert!(
        !ill.success && ill.stdout.contains("FAIL  master key: does not open"),
        "{}",
        ill.stdout
    );

    std::fs::write(it.master_key(), kept).expect("written");
    let well = it.run(&["doctor", "--audience", "HTTPS://inside.codex-k8s.example:443/mcp"]);
    for line in [
        "ok    master key: ",
        "ok    edge key: opens 1 signing keys\n",
        "ok    signing key: for https://inside.codex-k8s.example/mcp\n",
        "ok    signing key: for https://codex-k8s.example/mcp\n",
    ] {
        assert!(well.stdout.contains(line), "{}", well.stdout);
    }
    let edge = std::fs::read(it.edge_key()).expect("there");
    std::fs::remove_file(it.edge_key()).expect("removed");
    let lost = it.run(&INIT);
    assert!(
        !lost.success && lost.stderr.contains("an edge key"),
        "{}",
        lost.stderr
    );
    let ill = it.run(&["doctor"]);
    assert!(ill.stdout.contains("FAIL  edge key: "), "{}", ill.stdout);
    std::fs::write(it.edge_key(), edge).expect("written");
    let other = it.run(&["doctor", "--audience", "https://other.example/mcp"]);
    assert!(!other.success && other.stdout.contains("none for https://other.example/mcp"));
    it.db.done().await;
}

#[tokio::test]
async fn a_project_is_set_up_and_its_token_counts() {
    let it = Installation::new().await;
    assert!(it.run(&INIT).success);
    for again in [false, true] {
        let added = it.run(&["project", "add", "shop", "--slots", "3"]);
        assert!(added.success, "{}", added.stderr);
        assert_eq!(added.stdout.contains("was there"), again);
        let ids = ["--github-id", "42", "--installation-id", "7"];
        let bound = it.run(&[&["project", "repository", "shop", "acme/shop"][..], &ids].concat());
        assert!(bound.success, "{}", bound.stderr);
        let member = [
            "project",
            "member",
            "shop",
            "octocat",
            "--github-id",
            "583231",
            "--role",
            "admin",
        ];
        assert!(it.run(&member).success);
        assert!(
            it.run(&["model", "gpt-5", "--base-url", "https://api.openai.com/v1"])
                .success
        );
    }
    let add = |slots| it.run(&["project", "add", "shop", "--slots", slots]);
    let (more, fewer) = (add("5"), add("4"));
    assert!(
        more.stdout.contains("was there, with 5 slots"),
        "{}{}",
        more.stdout,
        more.stderr
    );
    assert!(fewer.stderr.contains("slot_limit_set"), "{}", fewer.stderr);
    let refused = it.run(&["token", "nowhere", "--name", "ide", "--role", "viewer"]);
    assert!(
        refused.stderr.contains("there is no project nowhere"),
        "{}",
        refused.stderr
    );
    let token = it.run(&["token", "shop", "--name", "ide", "--role", "maintainer"]);
    assert!(token.success, "{}", token.stderr);

    let args = ["token", "--name", "ops", "--platform", "owner"];
    let platform = it.run(&args);
    assert!(platform.success, "{}", platform.stderr);
    for more in [&["--role", "viewer"][..], &["shop"]] {
        assert!(
            !it.run(&[&args[..], more].concat()).success,
            "a platform role is in no project"
        );
    }
    assert!(
        !it.run(&["token", "shop", "--name", "ide"]).success,
        "a project's token has a role"
    );

    let key = MasterKey::read(&it.master_key()).expect("a key");
    let orchestrator = it.db.orchestrator_with(Clock::default(), key).await;
    let actor = credential::authenticate(&orchestrator, AUDIENCE, token.stdout.trim(), Leniency::None).await;
    let Actor::Service { name, role, .. } = actor.expect("it counts") else {
        panic!("a service token");
    };
    assert_eq!((name.as_str(), role), ("ide", Role::Maintainer));
    let owner =
        credential::authenticate(&orchestrator, AUDIENCE, platform.stdout.trim(), Leniency::None).await;
    assert!(matches!(
        owner.expect("it counts"),
        Actor::Platform {
            role: PlatformRole::Owner,
            ..
        }
    ));
    let mut tx = orchestrator.begin("test.read").await.expect("a transaction");
    let octocat = identity::find_by_github_user_id(&mut tx, 583_231)
        .await
        .expect("read")
        .expect("known");
    assert_eq!(
        octocat.platform_role,
        Some(PlatformRole::Owner),
        "a membership takes no platform role"
    );
    drop(tx);
    orchestrator.close().await;
    it.db.done().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_said_with_a_reason() {
    let it = Installation::new().await;
    std::fs::write(it.folder.path().join("url"), "postgres://nobody@127.0.0.1:1/none").expect("written");
    let ill = it.run(&[
        "doctor",
        "--gateway-url",
        "http://127.0.0.1:1",
        "--mcp-url",
        "http://127.0.0.1:1/mcp",
    ]);
    assert!(!ill.success);
    for what in ["database", "gateway", "tools"] {
        assert!(ill.stdout.contains(&format!("FAIL  {what}: ")), "{}", ill.stdout);
    }
    it.db.done().await;
}
