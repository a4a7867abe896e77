//! A hostile agent in the whole lab: nothing of it runs in the supervisor, nothing secret leaves.

mod loot;
mod session;

use std::sync::{Arc, Mutex};

use lab::LabConfig;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use self::loot::Loot;
use crate::kit::{Ended, World, eventually, git};

const HUNT: &str = include_str!("hunt.py");
const TRAP: &str = include_str!("trap.sh");
const WAIT: &str = "echo \"my way: $CODEXK8S_MCP_URL\"; while :; do sleep 0.2; done";

/// A lab that keeps agents apart; none on a host that does not let it.
async fn world() -> Option<World> {
    world_with(|_| {}).await
}

async fn world_with(change: impl FnOnce(&mut LabConfig)) -> Option<World> {
    let world = World::with(change).await;
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

    let port = way_of(&world, &victim).await;
    let hunt = HUNT.replace("VICTIM_PORT", &port);
    let hunt = format!("cat > /tmp/hunt.py <<'END'\n{hunt}\nEND\necho begun\npython3 /tmp/hunt.py\n");
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
    assert!(
        found.contains(&format!("== {port}/mcp\n404")),
        "it reached the victim's own way, and was turned away"
    );
    let simulator = world.lab.endpoints.github_url.rsplit(':').next().expect("a port");
    for (door, answer) in [
        ("_sim/tokens", 401),
        ("_sim/label", 401),
        ("acme/hello/issues/1/labels", 403),
    ] {
        assert!(
            found.contains(&format!("== {simulator}/{door}\n{answer}")),
            "{door} of the simulator is shut"
        );
    }
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

/// The port of a run's way to the platform, as its agent said it.
async fn way_of(world: &World, run_id: &str) -> String {
    eventually("the victim's port", async || {
        let log = loot::stream(world, run_id, "agent").await;
        let (_, way) = log.split_once("my way: http://127.0.0.1:")?;
        Some(way.split_once('/')?.0.to_owned())
    })
    .await
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
    assert!(
        !clone.join("late.txt").exists(),
        "nobody works on after the program"
    );
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
