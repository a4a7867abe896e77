use super::Page;
use super::escape::escape;
use super::layout::{Visitor, card, when};
use super::repository::state;
use crate::world::{Issue, Label, Repository, Role, World};

pub(super) fn one(world: &World, visitor: &Visitor, (owner, name): (&str, &str), number: &str) -> Page {
    let Some((about, issue)) = find(world, owner, name, number) else {
        return Page::Missing;
    };
    if issue.pull.is_some() {
        return Page::Elsewhere(format!("/{}/pull/{}", world.full_name(about), issue.number));
    }
    Page::Shown {
        title: format!("{} · #{}", issue.title, issue.number),
        body: conversation(world, visitor, about, issue),
    }
}

pub(super) fn find<'a>(
    world: &'a World,
    owner: &str,
    name: &str,
    number: &str,
) -> Option<(&'a Repository, &'a Issue)> {
    let about = world.repository_named(owner, name)?;
    Some((about, about.issues.get(&number.parse().ok()?)?))
}

/// Shows title, labels, texts and forms: what an issue and a pull request have in common.
pub(super) fn conversation(world: &World, visitor: &Visitor, about: &Repository, issue: &Issue) -> String {
    let full_name = escape(&world.full_name(about));
    let base = format!("/{full_name}/issues/{}", issue.number);
    let actor = visitor
        .login
        .as_ref()
        .and_then(|login| world.account_by_login(login));
    let role = actor.map_or(Role::None, |account| about.role(account.id));
    let comments: String = issue
        .comments
        .iter()
        .map(|comment| card(world.login(comment.author_id), comment.created_at, &comment.body))
        .collect();
    let (verb, act) = if issue.open {
        ("Close", "close")
    } else {
        ("Open again", "reopen")
    };
    format!(
        "<p><a href=\"/{full_name}\">{full_name}</a></p><h1>{} <small>#{}</small></h1>\
         <p>{} <span class=\"quiet\">by {} · updated {}</span></p>\
         <h2>Labels</h2>{}{}<h2>Conversation</h2>{}{comments}\
         <form class=\"block\" method=\"post\" action=\"{base}/comment\">\
         <label>Comment as {}<textarea name=\"body\" required></textarea></label><button>Comment</button></form>\
         <form method=\"post\" action=\"{base}/{act}\"><button>{verb}</button></form>",
        escape(&issue.title),
        issue.number,
        state(issue),
        escape(world.login(issue.author_id)),
        when(issue.updated_at),
        labels(about, issue, &base),
        hint(visitor, role),
        card(
            world.login(issue.author_id),
            issue.created_at,
            issue.body.as_deref().unwrap_or("(no text)")
        ),
        escape(visitor.login.as_deref().unwrap_or("nobody")),
    )
}

/// Shows every label of the repository as a button that puts it on or takes it off.
fn labels(about: &Repository, issue: &Issue, base: &str) -> String {
    let button = |label: &Label| {
        let on = issue.label_ids.contains(&label.id);
        let (class, act, sign) = if on {
            ("label on", "unlabel", "✓ ")
        } else {
            ("label", "label", "+ ")
        };
        let name = escape(&label.name);
        format!(
            "<form method=\"post\" action=\"{base}/{act}\"><input type=\"hidden\" name=\"label\" value=\"{name}\">\
             <button class=\"{class}\" aria-pressed=\"{on}\" title=\"{}\">{sign}{name}</button></form>",
            escape(label.description.as_deref().unwrap_or(""))
        )
    };
    let buttons: Vec<_> = about.labels.iter().map(button).collect();
    format!("<div class=\"labels\">{}</div>", buttons.concat())
}

/// Says why a click will be refused, before it is.
fn hint(visitor: &Visitor, role: Role) -> String {
    if role >= Role::Triage {
        return String::new();
    }
    let who = escape(visitor.login.as_deref().unwrap_or("nobody"));
    format!(
        "<p class=\"quiet\">{who} has the role “{}” here; labels need triage.</p>",
        role.as_str()
    )
}
