//! A hostile agent: whatever it leaves in its clone, nothing of it runs in the supervisor, and the reason is right.
//!
//! Everything that would run writes a canary named after the process it ran in: `agent` there is expected where the
//! agent's own Git is concerned, `supervise` never.

use contract::runner::{Finish, FinishOutcome};

use crate::kit::World;

/// A program that notes which of the two containers it was run by, found by walking up its parents.
const CANARY: &str = r#"
cat > "$HOME/canary" <<'END'
#!/bin/sh
pid=$$
while [ "$pid" -gt 1 ]; do
    tr '\0' ' ' < /proc/$pid/cmdline | grep -q 'agent-runner supervise' && touch "CANARY_FILE"
    pid=$(awk '/^PPid:/ {print $2}' /proc/$pid/status)
done
cat
END
sed -i "s#CANARY_FILE#$HOME/ran-in-supervisor#" "$HOME/canary"
chmod +x "$HOME/canary"
"#;

async fn play(script: &str) -> (World, Finish) {
    let world = World::new(&format!("{CANARY}\n{script}")).await;
    let finish = world.play().await;
    assert!(world.path("home/canary").exists(), "the script ran: {finish:?}");
    assert!(
        !world.path("home/ran-in-supervisor").exists(),
        "the agent's program ran in the supervisor"
    );
    (world, finish)
}

fn refused(finish: &Finish, reason: &str, sub_reason: &str) {
    assert_eq!(finish.outcome, FinishOutcome::Failed, "{finish:?}");
    let found = (finish.reason.as_deref(), finish.sub_reason.as_deref());
    assert_eq!(found, (Some(reason), Some(sub_reason)), "{finish:?}");
}

#[tokio::test]
async fn hooks_monitors_filters_and_addresses_do_nothing() {
    let (world, finish) = play(
        r#"
        for hook in pre-commit post-commit pre-push reference-transaction post-checkout post-update update; do
            cp "$HOME/canary" .git/hooks/$hook
        done
        git config core.fsmonitor "$HOME/canary"
        git config core.hooksPath .git/hooks
        git config filter.evil.clean "$HOME/canary"
        git config filter.evil.smudge "$HOME/canary"
        git config diff.external "$HOME/canary"
        git config core.sshCommand "$HOME/canary"
        git config url."ext::$HOME/canary ".insteadOf http
        git config credential.helper "!$HOME/canary"
        git config uploadpack.packObjectsHook "$HOME/canary"
        echo '* filter=evil diff=evil' > .gitattributes
        echo fine > file.txt
        "#,
    )
    .await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
    assert_eq!(world.host.ask(&["show", "codex/issue-7:file.txt"]), "fine");
}

#[tokio::test]
async fn a_replaced_repository_is_refused() {
    let (_, finish) = play(
        r#"
        rm -rf .git && git init -q . && git config user.name x && git config user.email x@x
        echo other > file.txt && git add . && git commit -q -m "No relation"
        "#,
    )
    .await;
    refused(&finish, "output_invalid", "repository_damaged");
    let (_, finish) = play("rm -rf .git && ln -s /etc .git").await;
    refused(&finish, "output_invalid", "repository_damaged");
}

#[tokio::test]
async fn rewritten_history_is_refused() {
    let (world, finish) = play("echo x > f; git add f; git commit -q --amend -m 'Not the first'").await;
    refused(&finish, "output_invalid", "history_rewritten");
    assert_eq!(world.host.head("codex/issue-7"), None);
}

#[tokio::test]
async fn a_submodule_is_refused() {
    let (_, finish) = play(
        r"
        git init -q nested && cd nested && git config user.name x && git config user.email x@x
        git commit -q --allow-empty -m nested
        ",
    )
    .await;
    refused(&finish, "write_scope", "submodule");
}

#[tokio::test]
async fn a_link_out_of_the_tree_is_refused() {
    let (_, finish) = play("ln -s /var/run/codexk8s/secret/supervisor-token token").await;
    refused(&finish, "write_scope", "link");
}

#[tokio::test]
async fn a_protected_path_is_refused() {
    let (world, finish) =
        play("mkdir -p .github/workflows && echo 'on: push' > .github/workflows/ci.yaml").await;
    refused(&finish, "write_scope", "path");
    assert!(
        finish
            .detail
            .expect("a detail")
            .contains(".github/workflows/ci.yaml")
    );
    assert_eq!(world.host.head("codex/issue-7"), None);
}

#[tokio::test]
async fn a_protected_path_in_the_middle_of_the_work_is_refused() {
    let (world, finish) = play(
        r"
        mkdir -p .github/workflows && echo 'on: push' > .github/workflows/ci.yaml
        git add . && git commit -q -m 'In' && git rm -q -r .github && echo fine > file.txt
        git add . && git commit -q -m 'And out'
        ",
    )
    .await;
    refused(&finish, "write_scope", "path");
    assert_eq!(world.host.head("codex/issue-7"), None);
}

#[tokio::test]
async fn an_oversized_bundle_is_refused() {
    let (_, finish) = play("head -c 3000000 /dev/urandom > large.bin").await;
    refused(&finish, "output_invalid", "bundle_too_large");
}

#[tokio::test]
async fn a_malformed_object_is_refused() {
    // A tree with an entry named `.git`: harmless in a bare repository, an attack on whoever checks it out.
    let (_, finish) = play(
        r#"
        python3 - <<'END'
import subprocess
git = lambda *args, data=None: subprocess.run(["git", *args], input=data, capture_output=True, check=True).stdout.strip().decode()
blob = git("hash-object", "-w", "--stdin", data=b"evil")
entries = b"100644 .git\0" + bytes.fromhex(blob) + b"100644 file\0" + bytes.fromhex(blob)
tree = git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", data=entries)
git("update-ref", "HEAD", git("commit-tree", tree, "-p", "HEAD", "-m", "evil"))
END
        rm -f README.md; echo evil > file
        # What the agent leaves must commit as it is: nothing beyond HEAD.
        cat > .git/info/exclude <<'END'
*
END
        git update-index --force-remove README.md; git update-index --add file
        "#,
    )
    .await;
    refused(&finish, "output_invalid", "bundle_refused");
}

#[tokio::test]
async fn a_result_file_that_is_a_link_is_not_followed() {
    let (world, finish) = play(
        r#"echo x > file.txt; echo '{"message": "stolen"}' > "$HOME/secret"; ln -s "$HOME/secret" "$CODEXK8S_RESULT_FILE""#,
    )
    .await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
    assert_ne!(finish.last_message.as_deref(), Some("stolen"));
    assert!(world.platform.log().contains("the result file is not read"));
}

#[tokio::test]
async fn nobody_else_can_take_the_agents_place() {
    let script = r#"
        echo x > file.txt
        python3 - "$CODEXK8S_CONTROL_DIR/supervisor.sock" <<'END' || true
import json, socket, struct, sys
link = socket.socket(socket.AF_UNIX); link.settimeout(3); link.connect(sys.argv[1])
hello = json.dumps({"type": "hello", "version": 1, "nonce": None, "terminating": True, "places": {"home": "/", "workspace": "/"}}).encode()
link.sendall(struct.pack(">IB", len(hello), 0) + hello)
print("answered", len(link.recv(100)))
END
    "#;
    let (world, finish) = play(script).await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
    assert!(
        world.platform.log().contains("answered 0"),
        "{}",
        world.platform.log()
    );
}
