//! Turns that go well.

use contract::runner::{CONTRACT_VERSION, FinishOutcome, Output};

use crate::kit::{AGENT_TOKEN, GIT_TOKEN, MODEL_KEY, SUPERVISOR_TOKEN, World};

#[tokio::test]
async fn a_command_becomes_a_pull_request() {
    let script = r#"
        echo "the prompt says: $(cat "$CODEXK8S_PROMPT_FILE")"
        echo "run $CODEXK8S_RUN_ID wears $COLOUR"
        echo committed > one.txt && git add one.txt && git commit -q -m "One"
        echo left over > two.txt
        printf '{"message": "two files"}' > "$CODEXK8S_RESULT_FILE"
    "#;
    let world = World::new(script).await;
    let base = world.host.head("main").expect("a head");
    let finish = world.play().await;

    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
    assert_eq!(finish.last_message.as_deref(), Some("two files"));
    assert_eq!(finish.base_sha.as_deref(), Some(base.as_str()));
    let paths: Vec<_> = finish
        .changed_paths
        .iter()
        .map(|changed| (changed.path.as_str(), changed.change.as_str()))
        .collect();
    assert_eq!(paths, [("one.txt", "added"), ("two.txt", "added")]);

    let head = world.host.head("codex/issue-7").expect("pushed");
    assert_eq!(finish.head_sha.as_deref(), Some(head.as_str()));
    assert_eq!(world.host.ask(&["show", "codex/issue-7:two.txt"]), "left over");
    let last = world.host.ask(&[
        "log",
        "-1",
        "--format=%an <%ae>%n%(trailers:key=Run-Id,valueonly)",
        "codex/issue-7",
    ]);
    assert!(last.starts_with("codex-k8s[bot] <bot@example.com>\n0"), "{last}");
    assert_eq!(
        world.host.ask(&["rev-list", "--count", "main..codex/issue-7"]),
        "2"
    );

    let opened = world.platform.calls("pull_request_open");
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0].input["head_sha"], head);
    assert!(
        world.platform.log().contains("the prompt says: Say hello."),
        "{}",
        world.platform.log()
    );
    assert!(world.platform.log().contains("wears green"));
    assert!(!world.platform.calls("run_heartbeat").is_empty());
    assert!(!world.path("termination-log").exists());
    for tool in ["run_context_get", "run_heartbeat", "run_log_append", "run_finish"] {
        for call in world.platform.calls(tool) {
            assert_eq!(call.input["contract_version"], CONTRACT_VERSION, "{tool}");
        }
    }
}

#[tokio::test]
async fn the_agents_container_never_sees_a_credential() {
    let script = r#"
        env; cat /proc/self/environ | tr '\0' '\n'
        for process in /proc/[0-9]*; do
            if [ "$(cat $process/comm 2>/dev/null)" = agent-runner ]; then tr '\0' '\n' < $process/cmdline || true; fi
        done
        cat /proc/$PPID/environ 2>&1 || true
        git config --list --show-origin; cat .git/config; env | grep -c CODEXK8S_MCP_URL
        find "$HOME" "$PWD" -type f -exec cat {} + 2>/dev/null | strings 2>/dev/null || true
        echo changed > file.txt
    "#;
    let world = World::new(script).await;
    let finish = world.play().await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
    let log = world.platform.log();
    assert!(
        log.contains("CODEXK8S_MCP_URL=http://127.0.0.1:"),
        "the program knows where the platform is: {log}"
    );
    assert!(log.contains("/***/mcp"), "the way there is not in the log: {log}");
    for secret in [SUPERVISOR_TOKEN, AGENT_TOKEN, MODEL_KEY, GIT_TOKEN] {
        assert!(!log.contains(secret), "{secret} got to the agent");
    }
    for call in world.platform.calls("run_finish") {
        assert_eq!(call.token, format!("Bearer {SUPERVISOR_TOKEN}"));
    }
}

#[tokio::test]
async fn a_comment_needs_no_change_and_pushes_nothing() {
    let world = World::with("echo the answer is 42", |context| {
        context.agent.output = Output::Comment;
    })
    .await;
    let finish = world.play().await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded);
    assert_eq!(finish.last_message.as_deref(), Some("the answer is 42"));
    assert_eq!(world.host.head("codex/issue-7"), None);
    assert!(world.platform.calls("pull_request_open").is_empty());
}

#[tokio::test]
async fn a_later_turn_builds_on_the_branch() {
    let world = World::new("git log --format=%s; echo second > second.txt").await;
    world.host.commit_elsewhere("codex/issue-7");
    let before = world.host.head("codex/issue-7").expect("a branch");
    let finish = world.play().await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
    assert!(
        world.platform.log().contains("elsewhere"),
        "the agent starts on the branch"
    );
    assert_eq!(finish.base_sha.as_deref(), Some(before.as_str()));
    assert_eq!(world.host.ask(&["rev-parse", "codex/issue-7~1"]), before);
}
