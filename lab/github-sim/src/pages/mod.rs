//! Pages for people, in plain HTML: a label can be clicked, a comment written, a delivery sent again. No scripts.

mod act;
mod deliveries;
mod escape;
mod issue;
mod layout;
mod pull;
mod repository;

use std::sync::Arc;

use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode};

use self::layout::Visitor;
use crate::http::{html, same_origin, see_other};
use crate::sim::Inner;

/// A page, or where its form leads.
pub(super) enum Page {
    Shown { title: String, body: String },
    Elsewhere(String),
    Missing,
}

/// Answers everything that is neither API nor git nor control.
pub(crate) async fn answer(sim: &Arc<Inner>, parts: &Parts, body: &[u8]) -> Response {
    let visitor = Visitor::of(&sim.world(), &parts.headers);
    let path = parts.uri.path();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if parts.method == Method::POST {
        if !same_origin(&parts.headers) {
            return html(
                StatusCode::FORBIDDEN,
                layout::page("Refused", "<p>This form is not ours.</p>", None),
            );
        }
        return act::answer(sim, &visitor, &segments, body).await;
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
