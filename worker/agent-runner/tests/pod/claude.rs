//! The real Claude Code CLI through both proxies, with the scripted model behind them.
//!
//! Needs the CLI's native program on the search path or in `CLAUDE_PROGRAM`; without it these tests say so and pass.

use std::path::{Path, PathBuf};

use contract::runner::{Adapter, Api, Finish, FinishOutcome, Model, Output, RunContext};
use model_sim::{Config, Fault, ModelScript, ModelSim, Scripts, Step};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::kit::{AGENT_TOKEN, MODEL_KEY, World, finish_of, program, send};

fn claude() -> Option<PathBuf> {
    program("claude", "CLAUDE_PROGRAM")
}

async fn model(key: &str) -> ModelSim {
    let call = |tool: &str, arguments: Value| Step::Call {
        tool: tool.into(),
        arguments,
    };
    let steps = vec![
        call("run_status_report", json!({ "message": "Reading the issue." })),
        call(
            "Bash",
            json!({ "command": "echo 'Hello from Claude Code.' > HELLO.md" }),
        ),
        Step::Say("I added HELLO.md.".into()),
    ];
    let default = ModelScript {
        steps,
        usage: model_sim::Usage::default(),
    };
    let scripts = Scripts {
        default,
        ..Scripts::default()
    };
    ModelSim::start(Config {
        listen: "127.0.0.1:0".parse().expect("an address"),
        key: key.into(),
        scripts,
    })
    .await
    .expect("started")
}

async fn world(claude: &Path, model: &ModelSim, change: impl FnOnce(&mut RunContext)) -> World {
    let world = World::with("", |context| {
        context.agent.adapter = Adapter::Claude;
        context.agent.model = Some(Model {
            name: "scripted".into(),
            api: Api::Messages,
            base_url: model.url(),
            effort: Some("low".into()),
        });
        change(context);
    })
    .await;
    std::fs::write(world.path("secret/model-key-host"), model.url()).expect("written");
    std::fs::create_dir(world.path("tools")).expect("made");
    std::os::unix::fs::symlink(claude, world.path("tools/claude")).expect("linked");
    world
}

fn reasons(finish: &Finish) -> (Option<&str>, Option<&str>) {
    (finish.reason.as_deref(), finish.sub_reason.as_deref())
}

fn last_of(world: &World, tool: &str) -> Value {
    world.platform.calls(tool).pop().expect("a call").input
}

#[tokio::test]
async fn it_works_and_a_later_turn_resumes_its_session() {
    let Some(claude) = claude() else { return };
    let model = model(MODEL_KEY).await;
    let first = world(&claude, &model, |_| {}).await;
    let finish = first.play().await;
    let log = first.platform.log();
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}\n{log}");
    assert_eq!(finish.last_message.as_deref(), Some("I added HELLO.md."));
    assert_eq!(
        first.host.ask(&["show", "codex/issue-7:HELLO.md"]),
        "Hello from Claude Code."
    );
    let reports = first.platform.calls("run_status_report");
    assert_eq!(
        reports[0].token,
        format!("Bearer {AGENT_TOKEN}"),
        "the proxy added the agent's token"
    );
    let usage = last_of(&first, "run_usage_report");
    let models = &usage["models"][0];
    assert_eq!(
        [
            &models["requests"],
            &models["input_tokens"],
            &models["cached_input_tokens"]
        ],
        [&json!(3), &json!(3600), &json!(600)],
        "{usage}"
    );
    let snapshot = last_of(&first, "run_snapshot_put");
    let path = snapshot["path"].as_str().unwrap_or_default();
    assert!(path.starts_with("projects/"), "{path}");

    let second = world(&claude, &model, |context| {
        context.has_snapshot = true;
        context.agent.output = Output::None;
    })
    .await;
    second.platform.answer_once("run_snapshot_get", snapshot.clone());
    let finish = second.play().await;
    let log = second.platform.log();
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}\n{log}");
    let last = model.log().pop().expect("a request");
    assert_eq!(last.tool_results, 2, "the conversation of the first turn goes on");
    let again = last_of(&second, "run_snapshot_put");
    assert_eq!(again["session"], snapshot["session"]);
    assert_ne!(again["sha256"], snapshot["sha256"], "with what was said since");
}

#[tokio::test]
async fn a_removed_pod_leaves_its_session() {
    let Some(claude) = claude() else { return };
    let model = model(MODEL_KEY).await;
    model.inject([Fault::Slow(std::time::Duration::from_mins(5))]);
    let world = world(&claude, &model, |_| {}).await;
    let mut pod = world.start();
    let known = || {
        std::fs::read_to_string(world.path("private/progress.json"))
            .is_ok_and(|text| text.contains("projects"))
    };
    // One folder for each place it worked in.
    let kept = || {
        let folders = std::fs::read_dir(world.path("home/.claude/projects"));
        let files = folders.into_iter().flatten().flatten();
        let mut files = files.flat_map(|folder| std::fs::read_dir(folder.path()));
        files.any(|mut files| files.next().is_some())
    };
    while !(known() && kept()) {
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
async fn what_was_seen_from_outside_says_why_it_failed() {
    let Some(claude) = claude() else { return };
    let wrong = model("another key").await;
    let refused = world(&claude, &wrong, |_| {}).await.play().await;
    assert_eq!(
        reasons(&refused),
        (Some("model_auth"), Some("key_refused")),
        "{refused:?}"
    );
    assert_eq!(wrong.log().len(), 1, "another try changes nothing");

    let model = model(MODEL_KEY).await;
    let spent = world(&claude, &model, |context| context.limits.tokens = Some(1000));
    let spent = spent.await.play().await;
    assert_eq!(reasons(&spent), (Some("budget"), Some("tokens")), "{spent:?}");
    assert_eq!(model.log().len(), 1, "one answer was paid for, and no more");

    let apart = world(&claude, &model, |_| {}).await;
    std::fs::write(apart.path("secret/agent-token"), "not a token of this run").expect("written");
    let finish = apart.play().await;
    assert_eq!(
        reasons(&finish),
        (Some("environment"), Some("platform_refused")),
        "{finish:?}"
    );
    assert_eq!(
        model.log().len(),
        1,
        "no model is paid for a turn that cannot work"
    );

    let deaf = world(&claude, &model, |context| {
        let model = context.agent.model.as_mut().expect("a model");
        model.api = Api::Responses;
    });
    let finish = deaf.await.play().await;
    assert_eq!(
        reasons(&finish),
        (Some("precondition"), Some("model_api")),
        "{finish:?}"
    );
}

#[tokio::test]
async fn a_model_that_stumbles_is_asked_again() {
    let Some(claude) = claude() else { return };
    let model = model(MODEL_KEY).await;
    model.inject([Fault::Broken, Fault::RateLimited]);
    let world = world(&claude, &model, |_| {}).await;
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
