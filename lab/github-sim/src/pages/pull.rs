use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;

use super::Page;
use super::escape::escape;
use super::issue::{conversation, find};
use super::layout::Visitor;
use crate::git::FileDiff;
use crate::http::html;
use crate::sim::Inner;

/// What the page needs to ask git.
struct Range {
    repository: u64,
    base: String,
    head: String,
}

fn range(sim: &Inner, owner: &str, name: &str, number: &str) -> Option<Range> {
    let world = sim.world();
    let (about, issue) = find(&world, owner, name, number)?;
    let pull = issue.pull.as_ref()?;
    Some(Range {
        repository: about.id,
        base: pull.base_sha.clone(),
        head: pull.head_sha.clone(),
    })
}

pub(super) async fn one(
    sim: &Arc<Inner>,
    visitor: &Visitor,
    (owner, name): (&str, &str),
    number: &str,
) -> Page {
    let Some(range) = range(sim, owner, name, number) else {
        return Page::Missing;
    };
    let files = files(sim, &range).await.unwrap_or_default();
    let world = sim.world();
    let Some((about, issue)) = find(&world, owner, name, number) else {
        return Page::Missing;
    };
    let Some(pull) = &issue.pull else {
        return Page::Missing;
    };
    let merge = if issue.open && pull.facts.mergeable {
        let action = format!("/{}/pull/{}/merge", escape(&world.full_name(about)), issue.number);
        format!("<form method=\"post\" action=\"{action}\"><button>Merge</button></form>")
    } else {
        String::new()
    };
    let body = format!(
        "{}{merge}<h2>Changes</h2><p>{} into {} at <code>{}</code> · {} commits, {} files, \
         <span class=\"good\">+{}</span> <span class=\"bad\">−{}</span></p>{}",
        conversation(&world, visitor, about, issue),
        escape(&pull.head_ref),
        escape(&pull.base_ref),
        escape(&pull.head_sha),
        pull.facts.commits,
        pull.facts.changed_files,
        pull.facts.additions,
        pull.facts.deletions,
        files.iter().map(file).collect::<String>()
    );
    Page::Shown {
        title: format!("{} · #{}", issue.title, issue.number),
        body,
    }
}

async fn files(sim: &Arc<Inner>, range: &Range) -> anyhow::Result<Vec<FileDiff>> {
    let shared = sim
        .git
        .merge_base(range.repository, &range.base, &range.head)
        .await?;
    sim.git
        .diff(
            range.repository,
            shared.as_deref().unwrap_or(&range.base),
            &range.head,
        )
        .await
}

fn file(file: &FileDiff) -> String {
    let line = |line: &str| {
        let class = match line.as_bytes().first() {
            Some(b'+') => "add",
            Some(b'-') => "del",
            Some(b'@') => "hunk",
            _ => "same",
        };
        format!("<span class=\"{class}\">{}</span>", escape(line))
    };
    let lines: String = file
        .patch
        .as_deref()
        .unwrap_or("(binary)")
        .lines()
        .map(line)
        .collect();
    format!(
        "<section class=\"card\"><header><b>{}</b> <span class=\"quiet\">{}</span></header><pre>{lines}</pre></section>",
        escape(&file.path),
        file.status
    )
}

/// Sends the bare diff, as `diff_url` promises.
pub(super) async fn diff(sim: &Arc<Inner>, (owner, name): (&str, &str), number: &str) -> Response {
    let Some(range) = range(sim, owner, name, number) else {
        return html(StatusCode::NOT_FOUND, String::new());
    };
    let between = format!("{}...{}", range.base, range.head);
    match sim
        .git
        .ask(range.repository, &["diff", "--no-ext-diff", &between, "--"])
        .await
    {
        Ok(text) => crate::http::text(text),
        Err(_) => html(StatusCode::NOT_FOUND, String::new()),
    }
}
