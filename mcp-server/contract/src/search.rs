//! Finding tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bounded::{Count, Text};

/// Input of `tool_search`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSearch {
    /// Words of what you want to do, for example `revoke token`.
    pub query: Text<1, 200>,
    /// Tools in the answer at most; 5 if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Count<1, 10>>,
}

/// Output of `tool_search`: the best fit first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolsFound {
    pub tools: Vec<FoundTool>,
    /// What to try if nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A tool that can be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundTool {
    pub name: String,
    pub title: String,
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Map<String, Value>,
}
