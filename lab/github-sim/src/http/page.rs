use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, Reply};

const DEFAULT_PER_PAGE: usize = 30;
const MAX_PER_PAGE: usize = 100;

impl Call {
    fn per_page(&self) -> usize {
        let asked = self
            .query("per_page")
            .and_then(|text| text.parse().ok())
            .unwrap_or(DEFAULT_PER_PAGE);
        asked.clamp(1, MAX_PER_PAGE)
    }

    /// Answers with one page of a list, and says in `link` where the others are.
    pub(crate) fn page(&self, items: Vec<Value>) -> Reply {
        let (page, link) = self.cut(items);
        linked(Reply::ok(Value::Array(page)), link)
    }

    /// Like [`Call::page`], for lists inside an object that also counts them.
    pub(crate) fn page_in(&self, field: &str, items: Vec<Value>) -> Reply {
        let total = items.len();
        let (page, link) = self.cut(items);
        linked(Reply::ok(json!({"total_count": total, field: page})), link)
    }

    fn cut(&self, items: Vec<Value>) -> (Vec<Value>, Option<String>) {
        let per_page = self.per_page();
        let page = self
            .query("page")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1)
            .max(1);
        let last = items.len().div_ceil(per_page).max(1);
        let mut links = Vec::new();
        let mut link =
            |to: usize, rel: &str| links.push(format!("<{}>; rel=\"{rel}\"", self.address("page", &to)));
        if page > 1 {
            link((page - 1).min(last), "prev");
        }
        if page < last {
            link(page + 1, "next");
            link(last, "last");
        }
        if page > 1 {
            link(1, "first");
        }
        let cut = items
            .into_iter()
            .skip((page - 1).saturating_mul(per_page))
            .take(per_page)
            .collect();
        (cut, (!links.is_empty()).then(|| links.join(", ")))
    }

    /// Answers with a page of a list that goes on from a cursor; `items` are (cursor, entry), in order.
    pub(crate) fn cursor_page(&self, items: &[(u64, Value)]) -> Reply {
        let after: Option<u64> = self.query("cursor").and_then(|text| text.parse().ok());
        let start = after
            .and_then(|after| items.iter().position(|(cursor, _)| *cursor == after))
            .unwrap_or(0);
        let rest = &items[start..];
        let per_page = self.per_page();
        let next = rest
            .get(per_page)
            .map(|(cursor, _)| self.address("cursor", cursor));
        let page = rest
            .iter()
            .take(per_page)
            .map(|(_, entry)| entry.clone())
            .collect();
        linked(
            Reply::ok(Value::Array(page)),
            next.map(|url| format!("<{url}>; rel=\"next\"")),
        )
    }

    /// Returns the address of this request with one part of its query changed.
    fn address(&self, name: &str, value: &dyn ToString) -> String {
        let mut query = self.query.clone();
        query.insert(name.to_owned(), value.to_string());
        let query: Vec<_> = query
            .iter()
            .map(|(k, v)| format!("{}={}", escape(k), escape(v)))
            .collect();
        format!("{}{}?{}", self.api, self.path, query.join("&"))
    }
}

fn linked(reply: Reply, link: Option<String>) -> Reply {
    match link {
        Some(link) => reply.with("link", &link),
        None => reply,
    }
}

/// Escapes a name or value of a query or a form.
pub(crate) fn escape(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Reads a query or a form; of a repeated name the last value counts.
pub(crate) fn query_pairs(text: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}
