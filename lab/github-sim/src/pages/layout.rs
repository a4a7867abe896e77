use http::HeaderMap;
use jiff::Timestamp;

use super::escape::escape;
use crate::http::cookie;
use crate::world::{AccountKind, World};

const STYLE: &str = include_str!("style.css");
/// The cookie that says as whom one acts. It proves nothing: there are no passwords here.
pub(super) const COOKIE_NAME: &str = "github_sim_person";

pub(super) const READ_ONLY: &str =
    "To click here, open the address that <code>make up</code> printed: it carries the lab's key.";

/// Who looks at the pages, and whom else they could be.
pub(super) struct Visitor {
    pub(super) login: Option<String>,
    people: Vec<String>,
    /// Whether the forms are for them.
    pub(super) may_act: bool,
}

impl Visitor {
    /// Reads the cookie; without one, or with a wrong one, the first seeded person acts.
    pub(super) fn of(world: &World, headers: &HeaderMap) -> Self {
        let accounts = world
            .accounts
            .values()
            .filter(|account| account.kind == AccountKind::User);
        let people: Vec<String> = accounts.map(|account| account.login.clone()).collect();
        let login = cookie(headers, COOKIE_NAME)
            .filter(|login| people.iter().any(|one| one == login))
            .map(str::to_owned);
        Self {
            login: login.or_else(|| people.first().cloned()),
            people,
            may_act: true,
        }
    }
}

/// Returns a whole page. The visitor comes with the path to return to when somebody else is chosen.
pub(super) fn page(title: &str, body: &str, visitor: Option<(&Visitor, &str)>) -> String {
    let who = visitor.map_or_else(String::new, |(visitor, path)| person_form(visitor, path));
    let hint = match visitor {
        Some((visitor, _)) if !visitor.may_act => format!("<p class=\"quiet\">{READ_ONLY}</p>"),
        _ => String::new(),
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{} · GitHub simulator</title><style>{STYLE}</style></head><body>\
         <div class=\"demo\" role=\"note\">DEMO · this is a simulator on this machine, not GitHub</div>\
         <header><strong><a href=\"/\">GitHub simulator</a></strong><a href=\"/deliveries\">Deliveries</a>{who}</header>\
         <main>{hint}{body}</main></body></html>",
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
