use std::path::Path;

use serde_json::Value;

use crate::support::run_in;

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
}

fn values() -> tempfile::NamedTempFile {
    let digest = "a".repeat(64);
    let names = [
        "GATEWAY",
        "MCP_SERVER",
        "WORKER",
        "CLI",
        "CONSOLE",
        "RUNNER",
        "AGENT",
        "POSTGRES",
    ];
    let mut lines = names
        .map(|name| format!("CODEXK8S_{name}_IMAGE: registry.example/image@sha256:{digest}"))
        .to_vec();
    lines.extend(
        [
            "CODEXK8S_GITHUB_APP_ID: \"12345\"",
            "CODEXK8S_GITHUB_CLIENT_ID: Iv23li",
            "CODEXK8S_PUBLIC_URL: https://codex-k8s.example",
            "CODEXK8S_PUBLIC_AUDIENCE: https://codex-k8s.example/mcp",
        ]
        .map(str::to_owned),
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, lines.join("\n")).expect("written");
    file
}

#[test]
fn the_platforms_own_stack_renders_in_the_order_of_deploying() {
    let values = values();
    let path = values.path().to_str().expect("text");
    let inside = "CODEXK8S_AUDIENCE=http://mcp-server.codex-k8s.svc:8080/mcp";
    let reach = "CODEXK8S_RUNNER_EGRESS=140.82.112.0/20";
    let answer = run_in(
        root(),
        &["render", "--values", path, "--set", inside, "--set", reach],
        &[],
    );
    assert!(answer.success, "{}", answer.stderr);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&answer.stdout).expect("YAML");
    let order: Vec<_> = documents
        .iter()
        .map(|it| {
            format!(
                "{} {}",
                it["kind"].as_str().unwrap_or("?"),
                it["metadata"]["name"].as_str().unwrap_or("?")
            )
        })
        .collect();
    insta::assert_snapshot!(order.join("\n"));
    let left = answer
        .stdout
        .lines()
        .filter(|line| line.contains(": CODEXK8S_") && !line.contains("name: "));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<&str>::new());
    let said = |value: &str| answer.stdout.matches(&format!("value: {value}\n")).count();
    // The worker's two addresses of the tools are one and the same here.
    let inside = "http://mcp-server.codex-k8s.svc:8080/mcp";
    assert_eq!(said(inside), 3, "to both who must agree");
    assert_eq!(said("https://codex-k8s.example/mcp"), 1);
    assert_eq!(said("140.82.112.0/20"), 1, "what has a default can be replaced");
}

#[test]
fn what_is_missing_is_told_at_once() {
    let answer = run_in(root(), &["render", "--set", "CODEXK8S_GATWAY_IMAGE=x"], &[]);
    assert!(!answer.success);
    assert_eq!(answer.stdout, "");
    for name in [
        "CODEXK8S_AUDIENCE is not given",
        "CODEXK8S_PUBLIC_URL is not given",
        "CODEXK8S_GATEWAY_IMAGE is not given",
        "CODEXK8S_POSTGRES_IMAGE is not given",
        "CODEXK8S_GATWAY_IMAGE is given, but",
    ] {
        assert!(answer.stderr.contains(name), "{}", answer.stderr);
    }
}
