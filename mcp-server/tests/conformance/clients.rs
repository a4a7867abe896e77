//! Strict clients: what they say of the deployed server and its own tools.

use std::path::PathBuf;
use std::process::Stdio;

use orchestrator::actor::Role;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::suite::{node, node_modules};
use crate::world::{World, root};

/// The Inspector finds nothing to complain about in what each kind of principal is shown.
#[tokio::test]
async fn the_inspector_has_no_complaint() {
    let world = World::new().await;
    let url = world.as_deployed().await;
    let [supervisor, agent] = world.run_tokens().await;
    let staff = world.staff_token(Role::Admin).await;
    let everything = format!("{url}?toolsets=all");
    for (who, url, token) in [
        ("staff", &url, &staff),
        ("staff, all toolsets", &everything, &staff),
        ("supervisor", &url, &supervisor),
        ("agent", &url, &agent),
    ] {
        let ended = node()
            .arg(node_modules().join("@modelcontextprotocol/inspector/clients/launcher/build/index.js"))
            .args(["--cli", url, "--transport", "http", "--header"])
            .arg(format!("Authorization: Bearer {token}"))
            .args(["--method", "tools/list", "--strict"])
            .output();
        let ended = ended.await.expect("node runs");
        let said = String::from_utf8_lossy(&ended.stdout);
        let complaints = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{who}: {said}{complaints}");
        assert!(said.contains("inputSchema"), "{who}: {said}{complaints}");
        assert!(
            !complaints.contains("warning") || complaints.contains("0 warnings"),
            "{who}: {complaints}"
        );
    }
    world.done().await;
}

/// Where `.ci/tools` puts the Python client.
fn python_packages() -> PathBuf {
    let kept = root().join(".ci/client-requirements.txt");
    let packages = kept_tools().join("codex-k8s/mcp-client");
    let installed = std::fs::read(packages.join("requirements.txt")).unwrap_or_default();
    let wanted = std::fs::read(kept).expect("the requirements");
    assert!(
        installed == wanted,
        "the Python client is not installed; run .ci/tools"
    );
    packages
}

fn kept_tools() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from)
}

async fn python(url: &str, mode: &str, token: &str) -> Value {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/client.py");
    let mut client = Command::new("python3")
        .arg(script)
        .args([url, mode])
        .env("PYTHONPATH", python_packages())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python runs");
    let mut input = client.stdin.take().expect("an input");
    input
        .write_all(format!("{token}\n").as_bytes())
        .await
        .expect("written");
    let ended = client.wait_with_output().await.expect("python ends");
    let complaints = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{mode}: {complaints}");
    serde_json::from_slice(&ended.stdout).expect("JSON")
}

#[tokio::test]
async fn the_python_client_in_both_modes() {
    let world = World::new().await;
    let url = world.as_deployed().await;
    let token = world.staff_token(Role::Admin).await;
    for (mode, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        let said = python(&url, mode, &token).await;
        assert_eq!(said["version"], version, "{said}");
        assert_eq!([&said["name"], &said["text"]], [&json!("suite"), &json!("suite")]);
        assert_eq!(said["refused"], json!([true, "invalid_input"]));
        assert!(
            said["hidden"].as_str().expect("text").contains("tool not found"),
            "{said}"
        );
        assert_eq!(said["resource"], "dev");
        let tools = said["tools"].as_array().expect("tools");
        assert!(tools.contains(&json!("tool_search")) && !tools.contains(&json!("run_heartbeat")));
        assert!(
            said["prompts"]
                .as_array()
                .expect("prompts")
                .contains(&json!("dev"))
        );
    }
    world.done().await;
}
