//! Every secret of a lab, and the question where it turned up.

use base64::Engine;
use serde_json::{Value, json};

use crate::kit::World;

/// Secrets by name.
pub(super) struct Loot(Vec<(String, String)>);

impl Loot {
    /// Collects what the lab and the Secrets of its live runs hold.
    pub(super) async fn of(world: &World) -> Self {
        let mut all = Vec::new();
        for file in std::fs::read_dir(world.folder().join("lab/secrets")).expect("the lab's secrets") {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("text");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            // The key of the App has many lines; one of its middle is enough.
            let line = text.lines().nth(text.lines().count() / 2).unwrap_or_default();
            all.push((name, line.trim().to_owned()));
        }
        let endpoints = &world.lab.endpoints;
        all.extend(endpoints.tokens.clone());
        all.push(("cluster".into(), world.lab.cluster.token().to_owned()));
        let secrets = world.cluster_list("/api/v1/secrets").await;
        assert_eq!(secrets.len(), 2, "one Secret for each live run");
        for secret in secrets {
            for (name, value) in secret["data"].as_object().expect("data") {
                // An address, which the catalogue shows to everybody.
                if name == "model-key-host" {
                    continue;
                }
                all.push((name.clone(), decoded(value)));
            }
        }
        assert!(all.iter().all(|(_, secret)| secret.len() >= 16));
        Self(all)
    }

    pub(super) fn is_not_in(&self, place: &str, text: &str) {
        for (name, secret) in &self.0 {
            let hidden = [
                secret.clone(),
                hex::encode(secret),
                base64::engine::general_purpose::STANDARD.encode(secret),
            ];
            assert!(
                !hidden.iter().any(|form| text.contains(form)),
                "{name} is in {place}"
            );
        }
        assert!(!text.contains("ghs_"), "a token of the App is in {place}");
    }
}

fn decoded(value: &Value) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default());
    String::from_utf8(bytes.expect("base64")).expect("text")
}

/// All that the agent and the supervisor of a run wrote.
pub(super) async fn log(world: &World, run_id: &str) -> String {
    stream(world, run_id, "agent").await + &stream(world, run_id, "supervisor").await
}

pub(super) async fn stream(world: &World, run_id: &str, stream: &str) -> String {
    let (mut text, mut after) = (String::new(), json!(0));
    loop {
        let ask = json!({ "run_id": run_id, "stream": stream, "after": after });
        let page = world.call("run_log_tail", ask).await;
        let piece = page["text"].as_str().unwrap_or_default();
        if piece.is_empty() {
            return text;
        }
        text.push_str(piece);
        after = page["next_after"].clone();
    }
}
