//! Finding tools that the list leaves out.

use std::cmp::Reverse;

use contract::bounded::Text;
use contract::search::{FoundTool, ToolSearch, ToolsFound};
use orchestrator::Result;
use orchestrator::project::access::Operation;
use rmcp::model::Tool as Description;
use serde_json::Value;

use super::STAFF;
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

/// Tools in one answer at most, and without a limit.
const MOST: usize = 10;
const USUAL: usize = 5;
/// Words that fit everything.
const SAY_NOTHING: [&str; 14] = [
    "and", "are", "can", "did", "does", "for", "how", "that", "the", "this", "was", "what", "which", "with",
];

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Search>()
}

struct Search;

impl Tool for Search {
    const NAME: &'static str = "tool_search";
    const TITLE: &'static str = "Find a tool";
    const ABOUT: &'static str = "Finds tools by words of their name, title or description, the best fit first. Use it when no \
         listed tool does what you need: the list holds the usual ones only. What comes back is each tool's name, description and \
         input schema; call it by that name like a listed one.";
    const OPERATION: Operation = Operation::PrincipalRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = ToolSearch;
    type Answer = ToolsFound;

    async fn call(call: &Call<'_>, ask: ToolSearch) -> Result<ToolsFound> {
        let visible = call.visible_tools().await?;
        let limit = ask
            .limit
            .map_or(USUAL, |limit| super::count::<usize, _>(limit.get()))
            .min(MOST);
        let found = rank(&visible, Text::as_str(&ask.query));
        let next = found.is_empty().then(|| {
            "no tool fits; use other words, such as run, slot, delivery, project, member, token or audit"
                .to_owned()
        });
        let tools = found.into_iter().take(limit).map(|tool| FoundTool {
            name: tool.name.to_string(),
            title: tool.title.clone().unwrap_or_default(),
            description: tool.description.as_deref().unwrap_or_default().to_owned(),
            input_schema: (*tool.input_schema).clone(),
        });
        Ok(ToolsFound {
            tools: tools.collect(),
            next,
        })
    }
}

/// The tools that have any of the words, the best fit first: whose name is the query, then by how well the words fit; of
/// equals those with the shortest names, which say little else, and then by name.
fn rank<'a>(tools: &[&'a Description], query: &str) -> Vec<&'a Description> {
    let words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric())
        .map(stem)
        .filter(|word| word.len() > 2 && !SAY_NOTHING.contains(&word.as_str()))
        .collect();
    let mut scored: Vec<_> = tools
        .iter()
        .map(|tool| (words.iter().map(|word| score(tool, word)).sum::<usize>(), *tool))
        .filter(|(score, _)| *score > 0)
        .collect();
    scored.sort_by_key(|(score, tool)| {
        (
            tool.name != query,
            Reverse(*score),
            tool.name.len(),
            tool.name.clone(),
        )
    });
    scored.into_iter().map(|(_, tool)| tool).collect()
}

/// What counts of a word: `runs` finds `run`.
fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 => stem.to_owned(),
        _ => word,
    }
}

/// Where the word is: in the name, the title, the description or a field's name.
fn score(tool: &Description, word: &str) -> usize {
    let has = |text: &str| {
        let text = text.to_lowercase();
        text.split(|c: char| !c.is_alphanumeric())
            .any(|part| part.starts_with(word))
    };
    let fields = tool.input_schema.get("properties").and_then(Value::as_object);
    let in_name = tool.name.split('_').any(|part| part == word);
    usize::from(in_name) * 8
        + usize::from(has(&tool.name)) * 4
        + usize::from(tool.title.as_deref().is_some_and(has)) * 3
        + usize::from(tool.description.as_deref().is_some_and(has)) * 2
        + usize::from(fields.is_some_and(|fields| fields.keys().any(|field| has(field))))
}

#[cfg(test)]
mod tests {
    use rmcp::model::JsonObject;

    use super::*;

    #[test]
    fn the_best_fit_comes_first() {
        let tool = |name: &'static str, about: &'static str| Description::new(name, about, JsonObject::new());
        let all = [
            tool("run_list", "Lists runs."),
            tool("slot_get", "Shows a slot and the run that holds it."),
            tool("delivery_list", "Lists webhook deliveries."),
        ];
        let all: Vec<&Description> = all.iter().collect();
        let found = |query: &str| {
            let found = rank(&all, query);
            found
                .into_iter()
                .map(|tool| tool.name.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("list the Runs"), ["run_list", "delivery_list", "slot_get"]);
        assert_eq!(found("webhook"), ["delivery_list"]);
        assert_eq!(found("???"), [""; 0]);
    }
}
