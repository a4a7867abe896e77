//! GitHub's own example payloads, from the npm package that the lab pins.

use std::sync::OnceLock;

use serde_json::Value;

/// Event name and payload of each example.
pub(crate) fn examples() -> &'static [(String, Value)] {
    static EXAMPLES: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let package = lab::npm_ci("npm", "@octokit/webhooks-examples").expect("the examples are fetched");
        let index = package.join("api.github.com/index.json");
        let text = std::fs::read(index).expect("the package holds api.github.com/index.json");
        let events: Vec<Value> = serde_json::from_slice(&text).expect("a list of events");
        let of = |event: &Value| {
            let name = event["name"].as_str().unwrap_or_default().to_owned();
            let examples = event["examples"].as_array().cloned().unwrap_or_default();
            examples.into_iter().map(move |example| (name.clone(), example))
        };
        events.iter().flat_map(of).collect()
    })
}

/// The first example of this event and action.
pub(crate) fn example(event: &str, action: &str) -> Value {
    let (_, payload) = examples()
        .iter()
        .find(|(name, payload)| name == event && payload["action"] == action)
        .expect("there is such an example");
    payload.clone()
}
