use super::Page;
use super::escape::escape;
use super::layout::when;
use crate::world::{Issue, Repository, World};

pub(super) fn list(world: &World) -> Page {
    let row = |about: &Repository| {
        let name = escape(&world.full_name(about));
        let description = escape(about.description.as_deref().unwrap_or(""));
        format!(
            "<tr><td><a href=\"/{name}\">{name}</a></td><td class=\"quiet\">{description}</td><td>{} open</td></tr>",
            about.open_issues()
        )
    };
    let mut rows: Vec<String> = world.repositories.values().map(row).collect();
    if rows.is_empty() {
        let hint = "<tr><td>Nothing yet. <code>POST /_sim/seed</code> makes repositories.</td></tr>";
        rows.push(hint.to_owned());
    }
    let rows = rows.concat();
    Page::Shown {
        title: "Repositories".into(),
        body: format!("<h1>Repositories</h1><table>{rows}</table>"),
    }
}

pub(super) fn one(world: &World, owner: &str, name: &str) -> Page {
    let Some(about) = world.repository_named(owner, name) else {
        return renamed(world, owner, name);
    };
    let full_name = world.full_name(about);
    let section = |title: &str, pulls: bool| {
        let issues = about
            .issues
            .values()
            .rev()
            .filter(|issue| issue.pull.is_some() == pulls);
        let rows: String = issues.map(|issue| row(world, about, issue)).collect();
        let rows = if rows.is_empty() {
            "<tr><td class=\"quiet\">None yet</td></tr>".to_owned()
        } else {
            rows
        };
        format!("<h2>{title}</h2><table>{rows}</table>")
    };
    let body = format!(
        "<h1>{0}</h1><p class=\"quiet\">{1}</p><p><code>git clone {2}/{0}.git</code></p>{3}{4}",
        escape(&full_name),
        escape(about.description.as_deref().unwrap_or("")),
        escape(&world.web),
        section("Issues", false),
        section("Pull requests", true)
    );
    Page::Shown {
        title: full_name,
        body,
    }
}

fn renamed(world: &World, owner: &str, name: &str) -> Page {
    let found = world.repository_renamed(owner, name);
    found.map_or(Page::Missing, |about| {
        Page::Elsewhere(format!("/{}", world.full_name(about)))
    })
}

fn row(world: &World, about: &Repository, issue: &Issue) -> String {
    let kind = if issue.pull.is_some() { "pull" } else { "issues" };
    let labels = issue.label_ids.iter().filter_map(|id| about.label(*id));
    let labels: Vec<_> = labels
        .map(|label| format!(" <span class=\"label on\">{}</span>", escape(&label.name)))
        .collect();
    let labels = labels.concat();
    format!(
        "<tr><td>{0}</td><td><a href=\"/{1}/{kind}/{2}\">#{2} {3}</a>{labels}</td><td class=\"quiet\">{4} · {5}</td></tr>",
        state(issue),
        escape(&world.full_name(about)),
        issue.number,
        escape(&issue.title),
        escape(world.login(issue.author_id)),
        when(issue.updated_at)
    )
}

/// Shows whether it is open, closed or merged.
pub(super) fn state(issue: &Issue) -> String {
    let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some());
    let word = if issue.open {
        "open"
    } else if merged {
        "merged"
    } else {
        "closed"
    };
    format!("<span class=\"state {word}\">{word}</span>")
}
