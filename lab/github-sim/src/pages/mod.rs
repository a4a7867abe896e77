//! Pages for people, in plain HTML: a label can be clicked, a comment written, a delivery sent again. No scripts.

mod act;
mod deliveries;
mod escape;
mod issue;
mod layout;
mod oauth;
mod pull;
mod repository;

use std::sync::Arc;

use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode};

use self::layout::Visitor;
use crate::http::{cookie_for, html, may_drive, query_pairs, same_origin, see_other, see_other_with};
use crate::sim::Inner;

/// A page, or where its form leads.
pub(super) enum Page {
    Shown { title: String, body: String },
    Elsewhere(String),
    Missing,
}

/// Answers everything that is neither API nor git nor control.
pub(crate) async fn answer(sim: &Arc<Inner>, parts: &Parts, body: &[u8]) -> Response {
    let mut visitor = Visitor::of(&sim.world(), &parts.headers);
    visitor.may_act = may_drive(sim, &parts.headers);
    let path = parts.uri.path();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if let ["login", "oauth", step] = segments[..] {
        return oauth::answer(sim, parts, body, step);
    }
    if parts.method == Method::POST {
        if !same_origin(&parts.headers) {
            return html(
                StatusCode::FORBIDDEN,
                layout::page("Refused", "<p>This form is not ours.</p>", None),
            );
        }
        if !visitor.may_act {
            let body = format!("<h1>Read only</h1><p>{}</p>", layout::READ_ONLY);
            return html(StatusCode::FORBIDDEN, layout::page("Refused", &body, None));
        }
        return act::answer(sim, &visitor, &segments, body).await;
    }
    // Who came with the key keeps it in a cookie, and the address stays fit to be shown around.
    let shown = query_pairs(parts.uri.query().unwrap_or_default()).remove("key");
    if let Some(cookie) = shown.and_then(|key| cookie_for(sim, &key)) {
        return see_other_with(path, &cookie);
    }
    // As `diff_url` of a pull request promises.
    if let [owner, name, "pull", file] = segments[..]
        && let Some(number) = file.strip_suffix(".diff")
    {
        return pull::diff(sim, (owner, name), number).await;
    }
    let page = match segments[..] {
        [""] => repository::list(&sim.world()),
        ["deliveries"] => deliveries::list(&sim.world()),
        ["deliveries", id] => deliveries::one(&sim.world(), id),
        [owner, name] | [owner, name, "issues" | "pulls"] => repository::one(&sim.world(), owner, name),
        [owner, name, "issues", number] => issue::one(&sim.world(), &visitor, (owner, name), number),
        [owner, name, "pull", number] => pull::one(sim, &visitor, (owner, name), number).await,
        _ => Page::Missing,
    };
    match page {
        Page::Shown { title, body } => html(
            StatusCode::OK,
            layout::page(&title, &body, Some((&visitor, path))),
        ),
        Page::Elsewhere(location) => see_other(&location),
        Page::Missing => {
            let body =
                "<h1>Not here</h1><p>The simulator has no such page. <a href=\"/\">All repositories</a></p>";
            html(
                StatusCode::NOT_FOUND,
                layout::page("Not here", body, Some((&visitor, "/"))),
            )
        }
    }
}
