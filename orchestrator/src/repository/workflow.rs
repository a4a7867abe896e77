//! What a workflow of GitHub Actions shows to whoever pushes a branch. Pure.
//!
//! A workflow that runs on a push to an agent's branch, or on a pull request from it, runs the agent's own code beside
//! every secret it names ("Secure use reference", GitHub Docs).

use globset::GlobBuilder;
use serde_json::Value;

/// A branch as runs push it.
const AGENT_BRANCH: &str = "codex/issue-1";

/// What exposes secrets, in a person's words; none if nothing does.
///
/// # Errors
///
/// The text is no YAML mapping.
pub(super) fn exposure(text: &str) -> Result<Option<&'static str>, String> {
    let workflow: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let fields = workflow.as_object().ok_or("not a mapping")?;
    // Readers of YAML 1.1 take the bare word `on` for true.
    let on = fields.get("on").or_else(|| fields.get("true"));
    if !sees_secrets(text) {
        return Ok(None);
    }
    Ok(on.and_then(runs_for_an_agent))
}

/// `GITHUB_TOKEN` is made for the run and ends with it.
fn sees_secrets(text: &str) -> bool {
    let named = text.match_indices("secrets.").any(|(at, found)| {
        let name = &text[at + found.len()..];
        !name.starts_with("GITHUB_TOKEN")
    });
    let handed_on = text.lines().any(|line| {
        let line = line.trim();
        line.strip_prefix("secrets:").map(str::trim) == Some("inherit")
    });
    named || handed_on || text.contains("secrets[") || text.contains("toJSON(secrets)")
}

fn runs_for_an_agent(on: &Value) -> Option<&'static str> {
    let event = |name: &str| match on {
        Value::String(only) if only == name => Some(&Value::Null),
        Value::Array(names) if names.iter().any(|it| it == name) => Some(&Value::Null),
        Value::Object(events) => events.get(name),
        _ => None,
    };
    if event("push").is_some_and(pushes_an_agents_branch) {
        return Some("push");
    }
    if event("pull_request_target").is_some() {
        return Some("pull_request_target");
    }
    event("pull_request").map(|_| "pull_request")
}

/// What `branches`, `branches-ignore` and `tags` of a push say about an agent's branch.
fn pushes_an_agents_branch(filter: &Value) -> bool {
    let patterns = |name: &str| match filter.get(name) {
        Some(Value::Array(patterns)) => Some(patterns.iter().filter_map(Value::as_str).collect::<Vec<_>>()),
        Some(Value::String(pattern)) => Some(vec![pattern.as_str()]),
        _ => None,
    };
    if let Some(branches) = patterns("branches") {
        // The last pattern that matches counts; one with ! takes away.
        let last = branches.iter().rev().find_map(|pattern| {
            let (name, wanted) = pattern
                .strip_prefix('!')
                .map_or((*pattern, true), |name| (name, false));
            matches(name).then_some(wanted)
        });
        return last.unwrap_or(false);
    }
    if let Some(ignored) = patterns("branches-ignore") {
        return !ignored.into_iter().any(matches);
    }
    // A filter for tags alone hears of no branch.
    patterns("tags").is_none() && patterns("tags-ignore").is_none()
}

/// A pattern that we cannot read might match.
fn matches(pattern: &str) -> bool {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .is_ok_and(|glob| glob.compile_matcher().is_match(AGENT_BRANCH))
        || GlobBuilder::new(pattern).build().is_err()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const JOB: &str = "\njobs: {a: {steps: [{run: 'deploy ${{ secrets.KEY }}'}]}}\n";

    #[rstest]
    #[case("on: push", Some("push"))]
    #[case("on: [issues, push]", Some("push"))]
    #[case("on: {push: }", Some("push"))]
    #[case("on: {push: {branches: [main]}}", None)]
    #[case("on: {push: {branches: ['**']}}", Some("push"))]
    #[case("on: {push: {branches: ['*']}}", None)]
    #[case("on: {push: {branches: ['**', '!codex/**']}}", None)]
    #[case("on: {push: {branches: ['!codex/**', '**']}}", Some("push"))]
    #[case("on: {push: {branches-ignore: ['codex/**']}}", None)]
    #[case("on: {push: {branches-ignore: [main]}}", Some("push"))]
    #[case("on: {push: {tags: ['v*']}}", None)]
    #[case("on: {push: {tags: ['v*'], branches: ['codex/*']}}", Some("push"))]
    #[case("on: pull_request", Some("pull_request"))]
    #[case("on: {pull_request_target: {types: [opened]}}", Some("pull_request_target"))]
    #[case("on: workflow_dispatch", None)]
    #[case("name: nothing", None)]
    fn a_workflow_that_runs_for_an_agent_is_told(#[case] on: &str, #[case] expected: Option<&str>) {
        assert_eq!(exposure(&format!("{on}{JOB}")), Ok(expected));
        assert_eq!(
            exposure(&format!("{on}\njobs: {{}}")),
            Ok(None),
            "without secrets"
        );
    }

    #[rstest]
    #[case("${{ secrets.GITHUB_TOKEN }}", None)]
    #[case("${{ secrets.GITHUB_TOKEN }} ${{ secrets.OTHER }}", Some("push"))]
    #[case("${{ toJSON(secrets) }}", Some("push"))]
    #[case("${{ secrets['A'] }}", Some("push"))]
    fn only_secrets_that_last_count(#[case] used: &str, #[case] expected: Option<&str>) {
        let text = format!("on: push\njobs: {{a: {{steps: [{{run: \"{used}\"}}]}}}}");
        assert_eq!(exposure(&text), Ok(expected));
    }

    #[test]
    fn secrets_that_are_handed_on_count() {
        let text = "on: push\njobs:\n  a:\n    uses: ./b.yml\n    secrets: inherit\n";
        assert_eq!(exposure(text), Ok(Some("push")));
    }

    #[test]
    fn what_is_no_workflow_is_an_error() {
        for text in ["- a", "{", "on: [push"] {
            assert!(exposure(text).is_err(), "{text}");
        }
    }
}
