//! The scripted model over its API.

use std::time::Duration;

use model_sim::{Config, Fault, ModelScript, ModelSim, Scripts, Step, Usage};
use serde_json::{Value, json};

const KEY: &str = "lab-key";

async fn start(scripts: Scripts) -> ModelSim {
    let listen = "127.0.0.1:0".parse().expect("an address");
    ModelSim::start(Config {
        listen,
        key: KEY.into(),
        scripts,
    })
    .await
    .expect("started")
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client")
}

async fn post(sim: &ModelSim, key: &str, body: &Value) -> (u16, String) {
    let url = format!("{}/responses", sim.url());
    let answer = client()
        .post(url)
        .bearer_auth(key)
        .json(body)
        .send()
        .await
        .expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

fn asked(results: usize) -> Value {
    let result = json!({ "type": "function_call_output", "call_id": "c", "output": "ok" });
    json!({
        "model": "scripted",
        "stream": true,
        "input": vec![result; results],
        "tools": [
            { "type": "namespace", "name": "mcp__platform", "tools": [{ "name": "run_status_report" }] },
            { "type": "function", "name": "exec_command" },
        ],
    })
}

/// The item of the last event, and what it cost.
fn completed(stream: &str) -> (Value, Value) {
    let last = stream
        .lines()
        .rfind(|line| line.starts_with("data: "))
        .expect("an event");
    let event: Value = serde_json::from_str(&last["data: ".len()..]).expect("json");
    assert_eq!(event["type"], "response.completed");
    (
        event["response"]["output"][0].clone(),
        event["response"]["usage"].clone(),
    )
}

#[tokio::test]
async fn the_conversation_chooses_the_step() {
    let sim = start(Scripts::default()).await;
    let (_, stream) = post(&sim, KEY, &asked(0)).await;
    let (item, usage) = completed(&stream);
    assert_eq!(
        (&item["namespace"], &item["name"]),
        (&json!("mcp__platform"), &json!("run_status_report"))
    );
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 200);
    let (item, _) = completed(&post(&sim, KEY, &asked(1)).await.1);
    assert_eq!(
        (&item["namespace"], &item["name"]),
        (&Value::Null, &json!("exec_command"))
    );
    for results in [2, 5] {
        let (item, _) = completed(&post(&sim, KEY, &asked(results)).await.1);
        assert_eq!(item["type"], "message");
    }
    let seen: Vec<_> = sim.log().iter().map(|request| request.tool_results).collect();
    assert_eq!(seen, [0, 1, 2, 5]);
    assert_eq!(sim.log()[1].last_result.as_deref(), Some("\"ok\""));
}

#[tokio::test]
async fn a_model_may_have_a_script_of_its_own() {
    let mut scripts = Scripts::default();
    let usage = Usage {
        input_tokens: 1,
        cached_input_tokens: 0,
        output_tokens: 2,
        reasoning_tokens: 0,
    };
    scripts.by_model.insert(
        "terse".into(),
        ModelScript {
            steps: vec![Step::Say("no".into())],
            usage,
        },
    );
    let sim = start(scripts).await;
    let body = json!({ "model": "terse", "input": "hello" });
    let answer: Value = serde_json::from_str(&post(&sim, KEY, &body).await.1).expect("json");
    assert_eq!(answer["output"][0]["content"][0]["text"], "no");
    assert_eq!(answer["usage"]["total_tokens"], 3);
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_not_logged() {
    let sim = start(Scripts::default()).await;
    assert_eq!(post(&sim, "wrong", &asked(0)).await.0, 401);
    let models = client()
        .get(format!("{}/models", sim.url()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(models.status(), 401);
    let ask = || client().get(sim.url().replace("/v1", "/_sim/log"));
    let refused = ask().send().await.expect("an answer");
    assert_eq!(refused.status(), 401, "what others asked");
    let log = ask().bearer_auth(KEY).send().await.expect("an answer");
    let log = log.text().await.expect("text");
    assert!(log.contains("401") && !log.contains("wrong"), "{log}");
}

#[tokio::test]
async fn faults_come_in_order_and_then_stop() {
    let sim = start(Scripts::default()).await;
    sim.inject([Fault::Unauthorized, Fault::RateLimited, Fault::Broken, Fault::Cut]);
    for status in [401, 429, 500] {
        assert_eq!(post(&sim, KEY, &asked(0)).await.0, status);
    }
    assert!(!post(&sim, KEY, &asked(0)).await.1.contains("response.completed"));
    assert!(post(&sim, KEY, &asked(0)).await.1.contains("response.completed"));
}

#[tokio::test]
async fn only_the_loopback_is_served() {
    let listen = "0.0.0.0:0".parse().expect("an address");
    let config = Config {
        listen,
        key: KEY.into(),
        scripts: Scripts::default(),
    };
    assert!(ModelSim::start(config).await.is_err());
}

fn said(results: usize) -> Value {
    let result = json!({ "type": "tool_result", "tool_use_id": "t", "content": "ok" });
    json!({
        "model": "scripted",
        "max_tokens": 100,
        "stream": true,
        "messages": [
            { "role": "user", "content": "please" },
            { "role": "user", "content": vec![result; results] },
        ],
        "tools": [{ "name": "exec_command" }, { "name": "mcp__platform__run_status_report" }],
    })
}

async fn post_message(sim: &ModelSim, key: &str, body: &Value) -> (u16, String) {
    let url = format!("{}/messages?beta=true", sim.url());
    let asking = client().post(url).header("x-api-key", key).json(body);
    let answer = asking.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn the_other_api_plays_the_same_script() {
    let sim = start(Scripts::default()).await;
    assert_eq!(post_message(&sim, "wrong", &said(0)).await.0, 401);
    let stream = post_message(&sim, KEY, &said(0)).await.1;
    let events: Vec<Value> = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|event| serde_json::from_str(event).expect("json"))
        .collect();
    assert_eq!(
        events[0]["message"]["usage"],
        json!({
            "input_tokens": 1000, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 200, "output_tokens": 1,
            "output_tokens_details": { "thinking_tokens": 16 },
        })
    );
    assert_eq!(
        events[1]["content_block"]["name"],
        "mcp__platform__run_status_report"
    );
    let arguments = events[2]["delta"]["partial_json"].as_str().expect("text");
    assert!(arguments.contains("first change"), "{arguments}");
    assert_eq!(
        (
            &events[4]["delta"]["stop_reason"],
            &events[4]["usage"]["output_tokens"]
        ),
        (&json!("tool_use"), &json!(80))
    );
    assert_eq!(events[5]["type"], "message_stop");

    let mut whole = said(2);
    whole["stream"] = json!(false);
    let answer: Value = serde_json::from_str(&post_message(&sim, KEY, &whole).await.1).expect("json");
    assert_eq!(
        (&answer["content"][0]["text"], &answer["stop_reason"]),
        (&json!("I added HELLO.md and committed it."), &json!("end_turn"))
    );
    assert_eq!(sim.log()[2].last_result.as_deref(), Some("\"ok\""));
}
