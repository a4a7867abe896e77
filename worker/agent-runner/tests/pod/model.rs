//! The model as any program reaches it, with the scripted model behind the proxy.

use contract::failure::ErrorCode;
use contract::runner::{Api, FinishOutcome, Model};
use model_sim::{Config, ModelSim, Scripts};
use serde_json::json;

use crate::kit::{MODEL_KEY, World};

/// Asks the model once, and writes what it answered.
const ASK: &str = r#"
python3 - <<'END'
import json, os, urllib.request
body = json.dumps({"model": "scripted", "stream": True, "input": [{"role": "user", "content": "hi"}]}).encode()
asked = urllib.request.Request(os.environ["CODEXK8S_MODEL_URL"] + "/responses", data=body, headers={"content-type": "application/json"})
print("answered", urllib.request.urlopen(asked).status)
END
echo x > file.txt
"#;

async fn model() -> ModelSim {
    let listen = "127.0.0.1:0".parse().expect("an address");
    ModelSim::start(Config {
        listen,
        key: MODEL_KEY.into(),
        scripts: Scripts::default(),
    })
    .await
    .expect("started")
}

async fn world(model: &ModelSim, key_host: &str) -> World {
    let world = World::with(ASK, |context| {
        context.agent.model = Some(Model {
            name: "scripted".into(),
            api: Api::Responses,
            base_url: model.url(),
            effort: None,
        });
    })
    .await;
    std::fs::write(world.path("secret/model-key-host"), key_host).expect("written");
    world
}

#[tokio::test]
async fn the_last_usage_is_told_although_the_platform_stumbles() {
    let model = model().await;
    let world = world(&model, &model.url()).await;
    for _ in 0..4 {
        world
            .platform
            .refuse_once("run_usage_report", ErrorCode::Unavailable);
    }
    let finish = world.play().await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
    assert!(world.platform.log().contains("answered 200"));
    let reports = world.platform.calls("run_usage_report");
    assert!(reports.len() > 4, "refused, then taken: {reports:?}");
    let last = &reports.last().expect("a report").input;
    assert_eq!(last["models"][0]["requests"], 1, "{last}");
}

#[tokio::test]
async fn a_key_is_not_sent_to_another_host() {
    let model = model().await;
    let world = world(&model, "https://api.example.com").await;
    let finish = world.play().await;
    assert_eq!(
        (finish.reason.as_deref(), finish.sub_reason.as_deref()),
        (Some("precondition"), Some("model_host"))
    );
    assert!(model.log().is_empty());
}

#[tokio::test]
async fn a_run_whose_money_is_spent_ends_with_that_reason() {
    let model = model().await;
    let world = world(&model, &model.url()).await;
    let beat = json!({ "state": "running", "stop": false,
        "allowance": { "active_seconds_left": 600, "spent": "run" } });
    world.platform.answer_once("run_heartbeat", beat);
    let finish = world.play().await;
    assert_eq!(
        (finish.reason.as_deref(), finish.sub_reason.as_deref()),
        (Some("budget"), Some("run_cost"))
    );
    assert!(model.log().is_empty(), "nothing more is bought");
}
