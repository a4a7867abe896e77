//! GitHub's own example payloads, from the npm package that the lab pins.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// A folder of the lab's own npm packages, fetched once through the user's npm.
pub(crate) fn npm_ci(folder: &str, package: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let installed = folder.join("node_modules").join(package);
    if installed.join("package.json").is_file() {
        return Ok(installed);
    }
    let fetched = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output()
        .map_err(|error| format!("npm cannot be run ({error}): install Node.js 20 or newer"))?;
    if fetched.status.success() {
        Ok(installed)
    } else {
        Err(String::from_utf8_lossy(&fetched.stderr).into_owned())
    }
}

/// Event name and payload of each example.
pub(crate) fn examples() -> &'static [(String, Value)] {
    static EXAMPLES: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let package = npm_ci("npm", "@octokit/webhooks-examples").expect("the examples are fetched");
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
