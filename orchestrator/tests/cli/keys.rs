//! The master key and the edge key are replaced by command, and what was sealed opens all the while.

use std::path::Path;

use crate::support::{Answer, Installation, mode};

const INIT: [&str; 5] = ["init", "--owner-id", "583231", "--owner-login", "octocat"];

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("there")
}

/// Whether a token can be signed, and so whether what its key is sealed under is in the file.
fn signs(it: &Installation) -> Answer {
    it.run(&["token", "--name", "ops", "--platform", "auditor"])
}

fn ok(it: &Installation, arguments: &[&str]) -> String {
    let answer = it.run(arguments);
    assert!(answer.success, "{arguments:?}: {}", answer.stderr);
    answer.stdout
}

/// Puts what `keys add` wrote into the place of the key file, as who mounts it would.
fn replace(file: &Path) {
    std::fs::rename(file.with_extension("next"), file).expect("replaced");
}

#[tokio::test]
async fn a_key_is_replaced_and_what_it_sealed_is_sealed_anew() {
    let it = Installation::new().await;
    ok(&it, &INIT);
    ok(&it, &["keys", "reseal"]);
    let again = ok(&it, &["keys", "reseal"]);
    assert!(again.starts_with("0 sealed anew"), "{again}");

    for (name, file) in [("master-key", it.master_key()), ("edge-key", it.edge_key())] {
        let before = read(&file);
        let said = ok(&it, &["keys", "add", name]);
        let next = file.with_extension("next");
        assert_eq!(read(&file), before, "who mounts it decides when");
        assert_eq!(mode(&next), 0o600);
        for value in read(&next).split_whitespace() {
            assert!(!said.contains(value), "a key is no output");
        }
        let twice = it.run(&["keys", "add", name]);
        assert!(!twice.success, "one that nobody took yet is not overwritten");

        replace(&file);
        assert!(read(&file).contains(before.trim()), "the old key still opens");
        assert!(signs(&it).success);
        let said = ok(&it, &["keys", "reseal"]);
        assert!(said.starts_with("1 sealed anew"), "{name}: {said}");
        assert!(ok(&it, &["keys", "reseal"]).starts_with("0 sealed anew"));

        ok(&it, &["keys", "add", "--drop-older", name]);
        replace(&file);
        assert!(!read(&file).contains(before.trim()));
        let signed = signs(&it);
        assert!(signed.success, "{name}: {}", signed.stderr);

        let new = read(&file);
        std::fs::write(&file, &before).expect("written");
        let old = it.run(&["keys", "reseal"]);
        assert!(
            !old.success && old.stderr.contains("key file"),
            "{name}: {}",
            old.stderr
        );
        std::fs::write(&file, new).expect("written");
    }
    let rotated = ok(&it, &["keys", "rotate"]);
    assert_eq!(rotated.matches("is published").count(), 2, "{rotated}");
    it.db.done().await;
}

#[tokio::test]
async fn without_the_edge_key_what_it_seals_is_left_alone() {
    let it = Installation::new().await;
    ok(&it, &INIT);
    ok(&it, &["keys", "reseal"]);
    ok(&it, &["keys", "add", "edge-key"]);
    replace(&it.edge_key());
    let said = it.run_without(&["keys", "reseal"], "CODEXK8S_EDGE_KEY_FILE");
    assert!(
        said.success && said.stdout.starts_with("0 sealed anew"),
        "{}",
        said.stderr
    );
    assert!(ok(&it, &["keys", "reseal"]).starts_with("1 sealed anew"));
    let missing = it.run(&["keys", "add", "no-such-file"]);
    assert!(
        !missing.success && missing.stderr.contains("no-such-file"),
        "{}",
        missing.stderr
    );
    it.db.done().await;
}
