//! Profiles as an operator sets them.

use crate::support::Installation;

const INIT: [&str; 1] = ["init"];
const MODEL: [&str; 4] = ["model", "gpt-5", "--base-url", "https://api.openai.com/v1"];

#[tokio::test]
async fn a_new_installation_is_told_to_name_a_model_and_then_can_work() {
    let it = Installation::new().await;
    assert!(it.run(&INIT).success);
    let ill = it.run(&["doctor"]);
    assert!(
        !ill.success && ill.stdout.contains("FAIL  agents: no profile names a model"),
        "{}",
        ill.stdout
    );
    let set = ["agent", "set", "dev", "plan", "--model", "gpt-5"];
    let unknown = it.run(&set);
    assert!(unknown.stderr.contains("add it first"), "{}", unknown.stderr);

    assert!(it.run(&MODEL).success);
    let done = it.run(&set);
    assert!(done.success, "{}", done.stderr);
    assert!(
        done.stdout
            .starts_with("dev of platform: codex, gpt-5, output pull_request\nplan of platform"),
        "{}",
        done.stdout
    );
    let well = it.run(&["doctor"]);
    assert!(
        well.success && well.stdout.contains("ok    agents: can work on dev, plan\n"),
        "{}",
        well.stdout
    );
    it.db.done().await;
}

#[tokio::test]
async fn what_is_not_said_of_a_profile_stays_and_every_change_is_in_the_audit() {
    let it = Installation::new().await;
    for before in [&INIT[..], &MODEL, &["project", "add", "shop"]] {
        assert!(it.run(before).success);
    }
    assert!(it.run(&["agent", "set", "dev", "--model", "gpt-5"]).success);
    let own = ["agent", "set", "dev", "--project", "shop", "--effort", "high"];
    let own = it.run(&own);
    assert!(
        own.stdout.starts_with("dev of shop: codex, gpt-5"),
        "{}",
        own.stderr
    );
    let program = ["agent", "set", "dev", "--project", "shop", "--adapter", "command"];
    let without = it.run(&program);
    assert!(without.stderr.contains("needs a command"), "{}", without.stderr);
    let said = ["--model", "", "--", "sh", "-c", "echo hello > HELLO.md"];
    assert!(it.run(&[&program[..], &said].concat()).success);

    let listed = it.run(&["agent", "list"]).stdout;
    for line in [
        "dev of platform: codex, gpt-5, output pull_request",
        r#"dev of shop: command ["sh", "-c", "echo hello > HELLO.md"], no model, output pull_request"#,
    ] {
        assert!(listed.lines().any(|it| it == line), "{listed}");
    }
    for bad in [&["--effort", "enormous"][..], &["--write-include", "a{"]] {
        assert!(!it.run(&[&["agent", "set", "dev"], bad].concat()).success);
    }
    assert!(
        it.run(&["agent", "set", "devel", "--model", "gpt-5"])
            .stderr
            .contains("no stage")
    );

    let (changes,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM audit_entries WHERE operation = 'agent_update' AND object_kind = 'agent_profile'",
    )
    .fetch_one(it.db.pool())
    .await
    .expect("read");
    assert_eq!(changes, 3);
    it.db.done().await;
}
