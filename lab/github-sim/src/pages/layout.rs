use http::HeaderMap;
use http::header::COOKIE;
use jiff::Timestamp;

use super::escape::escape;
use crate::world::{AccountKind, World};

const STYLE: &str = include_str!("style.css");
/// The cookie that says as whom one acts. It proves nothing: there are no passwords here.
pub(super) const COOKIE_NAME: &str = "github_sim_person";

/// Who looks at the pages, and whom else they could be.
pub(super) struct Visitor {
    pub(super) login: Option<String>,
    people: Vec<String>,
}

impl Visitor {
    /// Reads the cookie; without one, or with a wrong one, the first seeded person acts.
    pub(super) fn of(world: &World, headers: &HeaderMap) -> Self {
        let accounts = world
            .accounts
            .values()
            .filter(|account| account.kind == AccountKind::User);
        let people: Vec<String> = accounts.map(|account| account.login.clone()).collect();
        let cookies = headers
            .get(COOKIE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        let chosen = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let chosen = chosen
            .filter(|(name, _)| *name == COOKIE_NAME)
            .map(|(_, value)| value)
            .next();
        let login = chosen
            .filter(|login| people.iter().any(|one| one == login))
            .map(str::to_owned);
        Self {
            login: login.or_else(|| people.first().cloned()),
            people,
        }
    }
}

/// Returns a whole page. The visitor comes with the path to return to when somebody else is chosen.
pub(super) fn page(title: &str, body: &str, visitor: Option<(&Visitor, &str)>) -> String {
    let who = visitor.map_or_else(String::new, |(visitor, path)| person_form(visitor, path));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{} · GitHub simulator</title><style>{STYLE}</style></head><body>\
         <div class=\"demo\" role=\"note\">DEMO · this is a simulator on this machine, not GitHub</div>\
         <header><strong><a href=\"/\">GitHub simulator</a></strong><a href=\"/deliveries\">Deliveries</a>{who}</header>\
         <main>{body}</main></body></html>",
        escape(title)
    )
}

fn person_form(visitor: &Visitor, path: &str) -> String {
    let option = |login: &String| {
        let selected = if visitor.login.as_ref() == Some(login) {
            " selected"
        } else {
            ""
        };
        format!("<option{selected}>{}</option>", escape(login))
    };
    let options = visitor.people.iter().map(option).collect::<Vec<_>>().concat();
    format!(
        "<form method=\"post\" action=\"/person\"><input type=\"hidden\" name=\"back\" value=\"{}\">\
         <label>You act as <select name=\"login\">{options}</select></label> <button>Switch</button></form>",
        escape(path)
    )
}

/// Shows a moment in whole minutes.
pub(super) fn when(at: Timestamp) -> String {
    format!(
        "<time datetime=\"{at}\">{}</time>",
        at.strftime("%Y-%m-%d %H:%M UTC")
    )
}

/// Shows text that somebody wrote, as text.
pub(super) fn card(author: &str, at: Timestamp, text: &str) -> String {
    format!(
        "<article class=\"card\"><header><b>{}</b> <span class=\"quiet\">{}</span></header>\
         <div class=\"text\">{}</div></article>",
        escape(author),
        when(at),
        escape(text)
    )
}
