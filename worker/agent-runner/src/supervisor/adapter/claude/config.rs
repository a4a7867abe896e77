//! What Claude Code is started with.
//!
//! The address of the platform's proxy is in a file of its home and not an argument: arguments can be read by every process
//! of the machine.

use contract::runner::Model;
use serde_json::json;

/// The platform's name among MCP servers: the tools are `mcp__platform__<tool>`.
pub(super) const SERVER: &str = "platform";

/// The MCP servers it has: the platform alone.
pub(super) fn servers(mcp_url: &str) -> String {
    json!({ "mcpServers": { SERVER: { "type": "http", "url": mcp_url } } }).to_string()
}

/// `--bare` reads nothing that lies about, in the repository or at home: no hooks, plugins, settings or further servers.
pub(super) fn arguments(model: &Model, mcp_file: &str) -> Vec<String> {
    let mut argv: Vec<String> = [
        "claude",
        "--print",
        "--output-format",
        "stream-json",
        "--verbose",
        "--bare",
        // The container is the sandbox: it holds no credential and reaches only the proxies.
        "--permission-mode",
        "bypassPermissions",
        "--strict-mcp-config",
        "--mcp-config",
        mcp_file,
        "--append-system-prompt",
        "Before you change anything, read CLAUDE.md and AGENTS.md of the repository, where there are such files.",
        "--model",
        &model.name,
    ]
    .map(str::to_owned)
    .to_vec();
    if let Some(effort) = &model.effort {
        argv.extend(["--effort".to_owned(), level(effort).to_owned()]);
    }
    argv
}

/// It knows no effort below `low`.
fn level(effort: &str) -> &str {
    match effort {
        "none" | "minimal" => "low",
        other => other,
    }
}

/// Settings over the profile's own. The key is none: the proxy takes it off and adds the real one.
pub(super) fn environment(
    model: &Model,
    model_url: &str,
    home: String,
) -> impl Iterator<Item = (String, String)> {
    let base = model_url.trim_end_matches("/v1").to_owned();
    let on = || "1".to_owned();
    let name = || model.name.clone();
    [
        ("CLAUDE_CONFIG_DIR", home),
        ("ANTHROPIC_BASE_URL", base),
        ("ANTHROPIC_API_KEY", "kept-by-the-supervisor".to_owned()),
        // Whatever it does beside, it does with the one model that the proxy lets through.
        ("ANTHROPIC_DEFAULT_OPUS_MODEL", name()),
        ("ANTHROPIC_DEFAULT_SONNET_MODEL", name()),
        ("ANTHROPIC_DEFAULT_HAIKU_MODEL", name()),
        ("CLAUDE_CODE_SUBAGENT_MODEL", name()),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", on()),
        ("DISABLE_AUTOUPDATER", on()),
        // It would not skip its questions for a user that is root in its own namespace.
        ("IS_SANDBOX", on()),
        ("MCP_TIMEOUT", "60000".to_owned()),
        ("MCP_TOOL_TIMEOUT", "120000".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use contract::runner::Api;

    use super::*;

    #[test]
    fn it_knows_the_proxies_and_one_model() {
        let model = Model {
            name: "claude-x".into(),
            api: Api::Messages,
            base_url: "https://models.example/v1".into(),
            effort: Some("minimal".into()),
        };
        let argv = arguments(&model, "/home/agent/.claude/platform.json").join(" ");
        assert!(
            argv.contains("--strict-mcp-config --mcp-config /home/agent/.claude/platform.json"),
            "{argv}"
        );
        assert!(argv.ends_with("--model claude-x --effort low"), "{argv}");
        let env: BTreeMap<_, _> =
            environment(&model, "http://127.0.0.1:1/word/v1", "/home/agent/.claude".into()).collect();
        assert_eq!(env["ANTHROPIC_BASE_URL"], "http://127.0.0.1:1/word");
        let told: Vec<_> = env.iter().filter(|(name, _)| name.ends_with("_MODEL")).collect();
        assert!(told.iter().all(|(_, value)| *value == "claude-x"), "{told:?}");
        let all = format!("{argv} {env:?} {}", servers("http://127.0.0.1:2/word/mcp"));
        assert!(
            !all.contains("models.example"),
            "the host is the proxy's business"
        );
        assert!(!argv.contains("word"), "{argv}");
    }
}
