//! Codex's own conversation file, which the supervisor keeps for a later turn.

use lab::RealModel;
use model_sim::{ModelScript, ModelSim, Scripts, Step};
use orchestrator::agent::Api;
use serde_json::json;

use super::{loot, world_with};
use crate::kit::cli;

const KEY: &str = "a-key-of-the-hostile-model";
/// Puts a link in the place of the file while Codex works with it, and says how many it placed.
const SWAP: &str = r#"echo x > f; echo stolen > /tmp/secret; cd "${CODEX_HOME:-$HOME/.codex}/sessions"
find . -name '*.jsonl' -exec ln -sf /tmp/secret {} ';' ; echo "swapped $(find . -type l | wc -l)""#;

async fn model() -> ModelSim {
    let call = Step::Call {
        tool: "exec_command".into(),
        arguments: json!({ "cmd": SWAP }),
    };
    let default = ModelScript {
        steps: vec![call, Step::Say("done".into())],
        usage: model_sim::Usage::default(),
    };
    ModelSim::start(model_sim::Config {
        listen: "127.0.0.1:0".parse().expect("an address"),
        key: KEY.into(),
        scripts: Scripts {
            default,
            ..Scripts::default()
        },
    })
    .await
    .expect("a model")
}

#[tokio::test]
async fn a_session_that_is_a_link_is_not_followed() {
    if cli(lab::CODEX).await.is_none() {
        return;
    }
    let model = model().await;
    let key = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(key.path(), KEY).expect("written");
    let world = world_with(|config| {
        config.model = Some(RealModel {
            api: Api::Responses,
            url: model.url(),
            key_file: key.path().to_owned(),
            name: "hostile".into(),
        });
        // Where agents cannot be kept apart this story is skipped, and not refused.
        config.unsafe_without_isolation = true;
    })
    .await;
    let Some(world) = world else { return };
    lab::use_codex(&world.orchestrator, world.project_id(), "hostile")
        .await
        .expect("a profile");
    let number = world.labelled_issue().await;
    let ended = world.ended(&world.run_of(number).await).await;
    assert_eq!(ended.state(), "succeeded", "{:#}", ended.run);
    let agent = loot::stream(&world, &ended.run_id, "agent").await;
    assert!(agent.contains("\nswapped 1"), "the file was replaced: {agent}");
    let supervisor = loot::stream(&world, &ended.run_id, "supervisor").await;
    assert!(supervisor.contains("the session is not kept"), "{supervisor}");
    let stored = ended
        .events
        .iter()
        .any(|event| event["kind"] == "snapshot_stored");
    assert!(!stored, "no link is stored as a session: {:#?}", ended.events);
    let database = orchestrator::testing::dump(&world.lab.endpoints.database_url).await;
    assert!(!database.expect("a dump").contains(&hex::encode("stolen\n")));
    world.end().await;
}
