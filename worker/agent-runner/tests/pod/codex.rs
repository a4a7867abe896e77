//! The real Codex CLI through both proxies, with the scripted model behind them.
//!
//! Needs the CLI's native program on the search path or in `CODEX_PROGRAM`; without it these tests say so and pass.

use std::path::{Path, PathBuf};

use contract::runner::{Adapter, Finish, FinishOutcome, Model, RunContext};
use model_sim::{Config, Fault, ModelSim, Scripts};

use crate::kit::{AGENT_TOKEN, MODEL_KEY, World, finish_of};

fn codex() -> Option<PathBuf> {
    let named = std::env::var_os("CODEX_PROGRAM").map(PathBuf::from);
    let searched = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join("codex"))
            .find(|program| program.is_file())
    };
    let found = named.or_else(searched);
    if found.is_none() {
        println!("SKIPPED: no codex on the search path, and CODEX_PROGRAM is not set");
    }
    found
}

async fn model(key: &str) -> ModelSim {
    let listen = "127.0.0.1:0".parse().expect("an address");
    ModelSim::start(Config {
        listen,
        key: key.into(),
        scripts: Scripts::default(),
    })
    .await
    .expect("started")
}

async fn world(codex: &Path, model: &ModelSim, change: impl FnOnce(&mut RunContext)) -> World {
    let world = World::with("", |context| {
        context.agent.adapter = Adapter::Codex;
        context.agent.model = Some(Model {
            name: "scripted".into(),
            base_url: model.url(),
            effort: None,
        });
        change(context);
    })
    .await;
    std::fs::create_dir(world.path("tools")).expect("made");
    std::os::unix::fs::symlink(codex, world.path("tools/codex")).expect("linked");
    world
}

fn reasons(finish: &Finish) -> (Option<&str>, Option<&str>) {
    (finish.reason.as_deref(), finish.sub_reason.as_deref())
}

#[tokio::test]
async fn codex_calls_a_tool_edits_a_file_and_leaves_a_session() {
    let Some(codex) = codex() else { return };
    let model = model(MODEL_KEY).await;
    let world = world(&codex, &model, |_| {}).await;
    let finish = world.play().await;
    assert_eq!(
        finish.outcome,
        FinishOutcome::Succeeded,
        "{finish:?}\n{}",
        world.platform.log()
    );
    assert_eq!(
        finish.last_message.as_deref(),
        Some("I added HELLO.md and committed it.")
    );
    assert_eq!(
        world.host.ask(&["show", "codex/issue-7:HELLO.md"]),
        "Hello from the scripted model."
    );
    let reports = world.platform.calls("run_status_report");
    assert_eq!(
        reports[0].token,
        format!("Bearer {AGENT_TOKEN}"),
        "the proxy added the agent's token"
    );
    let usage = world
        .platform
        .calls("run_usage_report")
        .pop()
        .expect("usage")
        .input;
    assert_eq!(usage["models"][0]["requests"], 3, "{usage}");
    assert_eq!(usage["models"][0]["input_tokens"], 3600, "{usage}");
    let snapshot = world
        .platform
        .calls("run_snapshot_put")
        .pop()
        .expect("a snapshot")
        .input;
    assert!(
        snapshot["path"]
            .as_str()
            .is_some_and(|path| path.starts_with("sessions/")),
        "{snapshot}"
    );
}

#[tokio::test]
async fn a_wrong_model_key_is_told_apart() {
    let Some(codex) = codex() else { return };
    let model = model("another key").await;
    let world = world(&codex, &model, |_| {}).await;
    let finish = world.play().await;
    assert_eq!(
        reasons(&finish),
        (Some("model_auth"), Some("key_refused")),
        "{finish:?}"
    );
}

#[tokio::test]
async fn a_spent_budget_ends_the_turn() {
    let Some(codex) = codex() else { return };
    let model = model(MODEL_KEY).await;
    let world = world(&codex, &model, |context| context.limits.tokens = Some(1000)).await;
    let finish = world.play().await;
    assert_eq!(reasons(&finish), (Some("budget"), Some("tokens")), "{finish:?}");
    assert_eq!(model.log().len(), 1, "one answer was paid for, and no more");
}

#[tokio::test]
async fn a_bad_agent_token_fails_the_turn() {
    let Some(codex) = codex() else { return };
    let model = model(MODEL_KEY).await;
    let world = world(&codex, &model, |_| {}).await;
    std::fs::write(world.path("secret/agent-token"), "not a token of this run").expect("written");
    let finish = world.play().await;
    assert_eq!(
        reasons(&finish),
        (Some("environment"), Some("platform_refused")),
        "{finish:?}"
    );
    assert!(
        model.log().is_empty(),
        "no model is paid for a turn that cannot work"
    );
}

#[tokio::test]
async fn a_model_that_stumbles_is_asked_again() {
    let Some(codex) = codex() else { return };
    let model = model(MODEL_KEY).await;
    model.inject([Fault::Broken, Fault::RateLimited, Fault::Cut]);
    let world = world(&codex, &model, |_| {}).await;
    let mut pod = world.start();
    pod.ends().await;
    let finish = finish_of(&world.platform);
    assert_eq!(
        finish.outcome,
        FinishOutcome::Succeeded,
        "{finish:?}\n{:#?}",
        model.log()
    );
}
