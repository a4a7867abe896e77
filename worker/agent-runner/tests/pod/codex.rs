//! The real Codex CLI through both proxies, with the scripted model behind them.
//!
//! Needs the CLI's native program on the search path or in `CODEX_PROGRAM`; without it these tests say so and pass.

use std::path::{Path, PathBuf};

use contract::runner::{Adapter, Api, Finish, FinishOutcome, Model, Output, RunContext};
use model_sim::{Config, Fault, ModelSim, Scripts};
use nix::sys::signal::Signal;

use crate::kit::{AGENT_TOKEN, MODEL_KEY, World, finish_of, program, send};

fn codex() -> Option<PathBuf> {
    program("codex", "CODEX_PROGRAM")
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
            api: Api::Responses,
            base_url: model.url(),
            effort: None,
        });
        change(context);
    })
    .await;
    std::fs::write(world.path("secret/model-key-host"), model.url()).expect("written");
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
async fn a_later_turn_resumes_the_session() {
    let Some(codex) = codex() else { return };
    let model = model(MODEL_KEY).await;
    let first = world(&codex, &model, |_| {}).await;
    first.play().await;
    let snapshot = first
        .platform
        .calls("run_snapshot_put")
        .pop()
        .expect("a snapshot")
        .input;

    let second = world(&codex, &model, |context| {
        context.has_snapshot = true;
        context.agent.output = Output::None;
    })
    .await;
    second.platform.answer_once("run_snapshot_get", snapshot.clone());
    let finish = second.play().await;
    assert_eq!(
        finish.outcome,
        FinishOutcome::Succeeded,
        "{finish:?}\n{}",
        second.platform.log()
    );
    let last = model.log().pop().expect("a request");
    assert_eq!(last.tool_results, 2, "the conversation of the first turn goes on");
    let again = second
        .platform
        .calls("run_snapshot_put")
        .pop()
        .expect("a snapshot")
        .input;
    assert_eq!(again["session"], snapshot["session"]);
    assert_ne!(again["sha256"], snapshot["sha256"], "with what was said since");
}

#[tokio::test]
async fn a_removed_pod_leaves_its_session() {
    let Some(codex) = codex() else { return };
    let model = model(MODEL_KEY).await;
    model.inject([Fault::Slow(std::time::Duration::from_mins(5))]);
    let world = world(&codex, &model, |_| {}).await;
    let mut pod = world.start();
    while !std::fs::read_to_string(world.path("private/progress.json"))
        .is_ok_and(|text| text.contains("sessions"))
    {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    send(&pod.agent, Signal::SIGTERM);
    pod.ends().await;
    assert_eq!(
        reasons(&finish_of(&world.platform)),
        (Some("environment"), Some("evicted"))
    );
    assert_eq!(world.platform.calls("run_snapshot_put").len(), 1);
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
