//! The configuration Codex starts with.
//!
//! A file in its home and not flags: the addresses of the proxies are for the program alone, and arguments can be read
//! by every process of the machine.

use contract::runner::Model;
use serde_json::Value;

/// Renders `config.toml`. A JSON string is a TOML string. The provider's own search is off: the model proxy refuses it.
pub(super) fn toml(model: &Model, model_url: &str, mcp_url: &str) -> String {
    let text = |value: &str| Value::from(value).to_string();
    let effort = model
        .effort
        .as_deref()
        .map(|effort| format!("model_reasoning_effort = {}\n", text(effort)))
        .unwrap_or_default();
    format!(
        "model = {model}
model_provider = \"platform\"
{effort}check_for_update_on_startup = false
web_search = \"disabled\"

[model_providers.platform]
name = \"platform\"
base_url = {model_url}
wire_api = \"responses\"
requires_openai_auth = false

[mcp_servers.platform]
url = {mcp_url}
required = true
startup_timeout_sec = 60
tool_timeout_sec = 120

[analytics]
enabled = false
",
        model = text(&model.name),
        model_url = text(model_url),
        mcp_url = text(mcp_url),
    )
}

#[cfg(test)]
mod tests {
    use contract::runner::Api;

    use super::*;

    #[test]
    fn names_cannot_break_out_of_their_value() {
        let model = Model {
            name: "m\"\nmodel_provider = \"evil".into(),
            api: Api::Responses,
            base_url: "https://models.example/v1".into(),
            effort: Some("high".into()),
        };
        let config = toml(&model, "http://127.0.0.1:1/w/v1", "http://127.0.0.1:2/w/mcp");
        assert!(
            config.starts_with("model = \"m\\\"\\nmodel_provider = \\\"evil\"\n"),
            "{config}"
        );
        assert!(config.contains("model_reasoning_effort = \"high\"\n"));
        assert!(
            !config.contains("models.example"),
            "the host is the proxy's business"
        );
    }
}
