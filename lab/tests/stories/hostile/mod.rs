//! A hostile agent in the whole lab: nothing of it runs in the supervisor, nothing secret leaves.

mod loot;

use std::sync::{Arc, Mutex};

use model_sim::{ModelScript, ModelSim, Scripts, Step};
use orchestrator::agent::{self, Model};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use self::loot::Loot;
use crate::kit::{Ended, World, git, npm_ci};

const HUNT: &str = include_str!("hunt.py");
const TRAP: &str = include_str!("trap.sh");
const WAIT: &str = "while :; do sleep 0.2; done";

/// A lab that keeps agents apart; none on a host that does not let it.
async fn world() -> Option<World> {
    let world = World::new().await;
    if let Some(why) = world.lab.cluster.why_no_isolation() {
        println!("SKIPPED: NO ISOLATION on this host: {why}");
        world.end().await;
        return None;
    }
    Some(world)
}

async fn play(world: &World, script: &str) -> Ended {
    world.agent(script).await;
    let number = world.labelled_issue().await;
    world.ended(&world.run_of(number).await).await
}

/// Beside a victim that works in the next slot, an agent reads what it can, knocks at every port, and pushes, prints and
/// posts what it found.
#[tokio::test]
async fn a_hunter_finds_no_secret_and_no_neighbour() {
    let Some(world) = world().await else { return };
    world.agent(WAIT).await;
    let victim = world.run_of(world.labelled_issue().await).await;
    world.passes(&victim, "running").await;

    let hunt = format!("cat > /tmp/hunt.py <<'END'\n{HUNT}\nEND\necho begun\npython3 /tmp/hunt.py\n");
    world.agent(&hunt).await;
    let number = world.labelled_issue().await;
    let run_id = world.run_of(number).await;
    world.passes(&run_id, "running").await;
    let loot = Loot::of(&world).await;
    let ended = world.ended(&run_id).await;
    assert_eq!(ended.state(), "succeeded", "{:#}", ended.run);

    let log = loot::log(&world, &run_id).await;
    assert!(log.contains("hunted: "), "the hunter hunted: {log}");
    let clone = world
        .cloned(ended.run["branch"].as_str().expect("a branch"))
        .await;
    let found = std::fs::read_to_string(clone.join("found/everything.txt")).expect("it was pushed");
    assert!(found.contains("== my environment"));
    assert!(found.contains("/mcp\n401"), "it reached the tools' own port");
    loot.is_not_in("the log", &log);
    loot.is_not_in("the branch", &git(&clone, &["log", "-p", "--format=full"]).await);
    loot.is_not_in("the pull request", &world.pull_request(&ended).to_string());
    loot.is_not_in("the comments", &world.comments(number).join("\n"));
    let database = orchestrator::testing::dump(&world.lab.endpoints.database_url).await;
    loot.is_not_in("the database", &database.expect("a dump"));

    let victim_events = world.call("run_event_list", json!({ "run_id": victim })).await;
    assert!(
        !victim_events.to_string().contains("hostile words"),
        "{victim_events:#}"
    );
    world.call("run_cancel", json!({ "run_id": victim })).await;
    assert_eq!(world.ended(&victim).await.state(), "cancelled");
    world.leaves_nothing().await;
    world.end().await;
}

#[tokio::test]
async fn what_it_leaves_in_its_clone_runs_nowhere_else() {
    let Some(world) = world().await else { return };
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let listening = tokio::spawn(listen(listener, heard.clone()));
    let script = TRAP.replace("LISTENER", &port.to_string());
    let ended = play(&world, &script).await;
    assert_eq!(ended.state(), "succeeded", "{:#}", ended.run);
    let clone = world
        .cloned(ended.run["branch"].as_str().expect("a branch"))
        .await;
    assert!(clone.join("file.txt").is_file());
    let heard = heard.lock().expect("no panic").clone();
    assert!(
        heard.iter().any(|line| line.starts_with("agent")),
        "the trap works where the agent runs it: {heard:?}"
    );
    assert!(
        heard.iter().all(|line| line.starts_with("agent")),
        "it ran in the supervisor: {heard:?}"
    );
    listening.abort();
    world.end().await;
}

async fn listen(listener: TcpListener, heard: Arc<Mutex<Vec<String>>>) {
    while let Ok((mut from, _)) = listener.accept().await {
        let mut line = String::new();
        if from.read_to_string(&mut line).await.is_ok() {
            heard.lock().expect("no panic").push(line);
        }
    }
}

#[tokio::test]
async fn damaged_repositories_and_ways_out_of_them_are_refused() {
    let Some(world) = world().await else { return };
    let table = [
        (
            "rm -rf .git && git init -q . && git config user.name x && git config user.email x@x \
             && echo other > f && git add . && git commit -q -m 'No relation'",
            ("output_invalid", "repository_damaged"),
        ),
        (
            "rm -rf .git && ln -s /var/lib/codexk8s .git",
            ("output_invalid", "repository_damaged"),
        ),
        (
            "git init -q nested && cd nested && git config user.name x && git config user.email x@x \
             && git commit -q --allow-empty -m nested",
            ("write_scope", "submodule"),
        ),
        (
            "ln -s /var/secrets/codexk8s/supervisor-token token",
            ("write_scope", "link"),
        ),
        (
            "mkdir -p .github/workflows && echo 'on: push' > .github/workflows/ci.yaml",
            ("write_scope", "path"),
        ),
    ];
    for (script, reasons) in table {
        let ended = play(&world, script).await;
        assert_eq!(ended.reasons(), reasons, "{script}: {:#}", ended.run);
        assert_eq!(world.pull_requests(&ended.run["branch"]).len(), 0, "{script}");
        let branches = world.branches().await;
        assert_eq!(branches, ["main"], "nothing was pushed: {script}");
    }
    world.leaves_nothing().await;
    world.end().await;
}

#[tokio::test]
async fn a_result_that_is_a_link_is_not_followed() {
    let Some(world) = world().await else { return };
    let script = r#"echo x > f; echo '{"message": "stolen"}' > "$HOME/secret"
        ln -s "$HOME/secret" "$CODEXK8S_RESULT_FILE""#;
    let ended = play(&world, script).await;
    assert_eq!(ended.state(), "succeeded", "{:#}", ended.run);
    assert_ne!(ended.run["last_message"], "stolen");
    let log = loot::stream(&world, &ended.run_id, "supervisor").await;
    assert!(log.contains("the result file is not read"), "{log}");
    world.end().await;
}

/// Codex's own conversation file, which the supervisor keeps for a later turn, is replaced by a link while it runs.
#[tokio::test]
async fn a_session_that_is_a_link_is_not_followed() {
    let Some(world) = world().await else { return };
    if let Err(why) = tokio::task::spawn_blocking(|| npm_ci("npm/codex", "@openai/codex"))
        .await
        .expect("npm ends")
    {
        println!("SKIPPED: the Codex CLI cannot be fetched: {why}");
        return;
    }
    let swap = "echo x > f; echo stolen > /tmp/secret; \
                find \"${CODEX_HOME:-$HOME/.codex}/sessions\" -name '*.jsonl' -exec ln -sf /tmp/secret {} ';' ; ls";
    let call = Step::Call {
        tool: "exec_command".into(),
        arguments: json!({ "cmd": swap }),
    };
    let script = ModelScript {
        steps: vec![call, Step::Say("done".into())],
        usage: model_sim::Usage::default(),
    };
    let key = world.folder().join("lab/secrets/model-key");
    let model = ModelSim::start(model_sim::Config {
        listen: "127.0.0.1:0".parse().expect("an address"),
        key: std::fs::read_to_string(key).expect("the lab's key"),
        scripts: Scripts {
            default: script,
            ..Scripts::default()
        },
    })
    .await
    .expect("a model");
    let mut tx = world
        .orchestrator
        .begin("story.model")
        .await
        .expect("a transaction");
    let entry = Model {
        model: "hostile".into(),
        base_url: model.url(),
        input_micro_usd: None,
        cached_input_micro_usd: None,
        output_micro_usd: None,
    };
    agent::set_model(&mut tx, &entry)
        .await
        .expect("a model of the catalogue");
    tx.commit().await.expect("committed");
    lab::use_codex(&world.orchestrator, world.project_id(), "hostile")
        .await
        .expect("a profile");
    let number = world.labelled_issue().await;
    let ended = world.ended(&world.run_of(number).await).await;
    let stored = ended
        .events
        .iter()
        .any(|event| event["kind"] == "snapshot_stored");
    assert!(!stored, "no link is stored as a session: {:#?}", ended.events);
    let database = orchestrator::testing::dump(&world.lab.endpoints.database_url).await;
    assert!(!database.expect("a dump").contains(&hex::encode("stolen\n")));
    world.end().await;
}
