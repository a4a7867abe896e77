use std::io::Write;

use crate::support::{AUDIENCE, Installation, PUBLIC_AUDIENCE};

const INIT: [&str; 1] = ["init"];
const REDIRECT: &str = "https://claude.ai/api/mcp/auth_callback";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn keys_are_moved_on_a_step_at_a_time() {
    let it = Installation::new().await;
    let none = it.run(&["keys", "rotate"]);
    assert!(!none.success, "there is no key file yet");
    assert!(it.run(&INIT).success);
    let first = it.run(&["keys", "rotate"]);
    assert!(first.success, "{}", first.stderr);
    for audience in [AUDIENCE, PUBLIC_AUDIENCE] {
        let line = first
            .stdout
            .lines()
            .find(|line| line.starts_with(&format!("{audience}: ")));
        assert!(
            line.is_some_and(|line| line.contains("is published")),
            "{}",
            first.stdout
        );
    }
    let second = it.run(&["keys", "rotate"]);
    assert!(second.success, "{}", second.stderr);
    assert_eq!(
        second.stdout.matches("nothing changed").count(),
        2,
        "{}",
        second.stdout
    );
    let forced = it.run(&["keys", "rotate", "--audience", AUDIENCE, "--now"]);
    assert!(
        forced.success && forced.stdout.contains(" signs; "),
        "{}{}",
        forced.stdout,
        forced.stderr
    );
    assert_eq!(forced.stdout.lines().count(), 1);
    // What was there and what is new is whole.
    assert!(it.run(&INIT).success);
    let unknown = it.run(&["keys", "rotate", "--audience", "https://other.example/mcp"]);
    assert!(
        !unknown.success && unknown.stderr.contains("no signing key"),
        "{}",
        unknown.stderr
    );
    it.db.done().await;
}

#[tokio::test]
async fn a_clients_secret_comes_in_a_file_and_is_shown_nowhere() {
    let it = Installation::new().await;
    assert!(it.run(&INIT).success);
    let mut file = std::fs::File::create(it.folder.path().join("client-secret")).expect("a file");
    writeln!(file, "{SECRET}").expect("written");
    let add = |id: &str, extra: &[&str]| {
        let mut arguments = vec!["oauth-client", "add", id, "--redirect-uri", REDIRECT];
        arguments.extend(extra);
        it.run(&arguments)
    };
    let made = add("claude", &["--name", "Claude", "--secret-file", "client-secret"]);
    assert!(made.success, "{}", made.stderr);
    let again = add("claude", &[]);
    assert!(
        !again.success && again.stderr.contains("remove it first"),
        "{}",
        again.stderr
    );
    assert!(add("public", &[]).success);
    let listed = it.run(&["oauth-client", "list"]);
    assert!(
        listed
            .stdout
            .contains("claude  preset, with a secret, never used"),
        "{}",
        listed.stdout
    );
    assert!(
        listed.stdout.contains("public  preset, never used"),
        "{}",
        listed.stdout
    );
    assert!(!(made.stdout + &made.stderr + &listed.stdout).contains(SECRET));
    assert!(it.run(&["oauth-client", "remove", "claude"]).success);
    assert!(!it.run(&["oauth-client", "remove", "claude"]).success);
    it.db.done().await;
}
