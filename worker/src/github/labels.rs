//! Labels of an issue or pull request, as a wanted state.

use std::time::Duration;

use http::Method;
use orchestrator::ports::code_host::{CodeHostError, RepositoryRef};
use orchestrator::repository::label::{self, LabelDefinition};
use serde_json::{Value, json};

use super::call::Call;
use super::connection::{Connection, Operation};
use super::token::Grant;
use super::{Result, issues, path, wire};

/// A repository with more labels than these pages hold is looked at no further.
const PAGES: u32 = 10;
/// GitHub asks for a second between writes ("Best practices for using the REST API").
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// Reads the labels first and writes only what is missing: asking twice costs one read.
pub(super) async fn change(
    connection: &Connection,
    at: &RepositoryRef,
    number: i64,
    add: &[String],
    remove: &[String],
) -> Result<Vec<String>> {
    let labels = Labels {
        operation: connection.begin(at, Grant::IssuesWrite),
        path: format!("{}/labels", path::issue(at, number)),
        about: issues::about(at, number),
    };
    let mut now = labels.list().await?;
    let missing: Vec<_> = add.iter().filter(|name| !has(&now, name)).collect();
    let unwanted: Vec<_> = remove.iter().filter(|name| has(&now, name)).collect();
    if !missing.is_empty() {
        now = labels.add(&missing).await?;
    }
    for (position, name) in unwanted.into_iter().enumerate() {
        if position > 0 || !missing.is_empty() {
            tokio::time::sleep(BETWEEN_WRITES).await;
        }
        now = labels.remove(name).await?;
    }
    Ok(now)
}

/// The names of all labels of the repository.
pub(super) async fn all(connection: &Connection, at: &RepositoryRef) -> Result<Vec<String>> {
    let operation = connection.begin(at, Grant::IssuesRead);
    let about = format!("labels of {}/{}", at.owner, at.name);
    let mut names = Vec::new();
    for page in 1..=PAGES {
        let path = format!("{}/labels?per_page=100&page={page}", path::repository(at));
        let labels: Vec<Value> = operation
            .ask(&Call::get("list_repository_labels", path, &about))
            .await?;
        let last = labels.len() < 100;
        names.extend(wire::label_names(&labels));
        if last {
            break;
        }
    }
    Ok(names)
}

/// Makes what is not there, one a second. One that somebody else makes meanwhile is there all the same.
pub(super) async fn ensure(
    connection: &Connection,
    at: &RepositoryRef,
    labels: &[LabelDefinition],
) -> Result<()> {
    let there = all(connection, at).await?;
    let operation = connection.begin(at, Grant::IssuesWrite);
    let missing = labels.iter().filter(|label| !has(&there, &label.name));
    for (position, label) in missing.take(label::AT_ONCE).enumerate() {
        if position > 0 {
            tokio::time::sleep(BETWEEN_WRITES).await;
        }
        let body = json!({ "name": label.name, "color": label.colour, "description": label.description });
        let about = format!("label {} of {}/{}", label.name, at.owner, at.name);
        let call = Call::write(
            "create_label",
            Method::POST,
            format!("{}/labels", path::repository(at)),
            about,
        )
        .with(body);
        match operation.send(&call).await {
            Err(CodeHostError::Refused { status: 422, message }) if message.contains("already_exists") => {}
            made => drop(made?),
        }
    }
    Ok(())
}

/// Sees to it that an issue can be opened with these labels: GitHub would make any that is not there. One that the platform
/// ships is made as it ships it, any other is refused.
pub(super) async fn require(connection: &Connection, at: &RepositoryRef, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let there = all(connection, at).await?;
    let mut shipped = label::wanted();
    let is_shipped = |name: &String| shipped.iter().any(|label| label.name.eq_ignore_ascii_case(name));
    let missing = names.iter().filter(|name| !has(&there, name));
    let (known, unknown): (Vec<_>, Vec<_>) = missing.partition(|name| is_shipped(name));
    if !unknown.is_empty() {
        let message = format!("the repository has no label {unknown:?}; name labels that it has, or none");
        return Err(CodeHostError::Refused { status: 422, message });
    }
    if !known.is_empty() {
        shipped.retain(|label| known.iter().any(|name| label.name.eq_ignore_ascii_case(name)));
        ensure(connection, at, &shipped).await?;
        tokio::time::sleep(BETWEEN_WRITES).await;
    }
    Ok(())
}

struct Labels<'a> {
    operation: Operation<'a>,
    path: String,
    about: String,
}

impl Labels<'_> {
    async fn list(&self) -> Result<Vec<String>> {
        // GitHub keeps at most 100 on one issue: one page.
        let path = format!("{}?per_page=100", self.path);
        self.ask(&Call::get("list_labels", path, &self.about)).await
    }

    async fn add(&self, names: &[&String]) -> Result<Vec<String>> {
        let call = Call::write("add_labels", Method::POST, &self.path, &self.about);
        self.ask(&call.with(json!({ "labels": names }))).await
    }

    async fn remove(&self, name: &str) -> Result<Vec<String>> {
        let path = format!("{}/{}", self.path, path::segment(name));
        match self
            .ask(&Call::write("remove_label", Method::DELETE, path, &self.about))
            .await
        {
            // Somebody was faster, or the issue is gone: the list tells which.
            Err(CodeHostError::NotFound(_)) => self.list().await,
            answer => answer,
        }
    }

    async fn ask(&self, call: &Call) -> Result<Vec<String>> {
        let labels: Vec<Value> = self.operation.ask(call).await?;
        Ok(wire::label_names(&labels))
    }
}

/// GitHub's labels differ by more than case.
fn has(labels: &[String], name: &str) -> bool {
    labels
        .iter()
        .any(|label| label.to_lowercase() == name.to_lowercase())
}
