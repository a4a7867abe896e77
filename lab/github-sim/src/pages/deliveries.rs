use super::Page;
use super::escape::escape;
use super::layout::when;
use crate::world::{Delivery, World};

/// Deliveries on one page.
const SHOWN: usize = 200;

pub(super) fn list(world: &World) -> Page {
    let rows: String = world.deliveries.iter().rev().take(SHOWN).map(row).collect();
    let to = world
        .hook
        .as_ref()
        .map_or("no webhook is set", |hook| hook.url.as_str());
    let body = format!(
        "<h1>Deliveries</h1><p class=\"quiet\">To {}</p><table><tr><th>Event</th><th>When</th><th>Answer</th>\
         <th>GUID</th><th></th></tr>{rows}</table>",
        escape(to)
    );
    Page::Shown {
        title: "Deliveries".into(),
        body,
    }
}

fn name(delivery: &Delivery) -> String {
    let action = delivery
        .action
        .as_ref()
        .map(|action| format!(".{action}"))
        .unwrap_or_default();
    let again = if delivery.redelivery { " (again)" } else { "" };
    escape(&format!("{}{action}{again}", delivery.event))
}

fn row(delivery: &Delivery) -> String {
    let class = if delivery.status == "OK" { "good" } else { "bad" };
    format!(
        "<tr><td><a href=\"/deliveries/{}\">{}</a></td><td>{}</td><td class=\"{class}\">{} {}</td>\
         <td class=\"quiet\">{}</td><td>{}</td></tr>",
        delivery.id,
        name(delivery),
        when(delivery.delivered_at),
        delivery.status_code,
        escape(&delivery.status),
        escape(&delivery.guid),
        again(delivery)
    )
}

fn again(delivery: &Delivery) -> String {
    format!(
        "<form method=\"post\" action=\"/deliveries/{}/redeliver\"><button>Send again</button></form>",
        delivery.id
    )
}

pub(super) fn one(world: &World, id: &str) -> Page {
    let found = world
        .deliveries
        .iter()
        .find(|delivery| delivery.id.to_string() == id);
    let Some(delivery) = found else {
        return Page::Missing;
    };
    let headers: Vec<_> = delivery
        .request_headers
        .iter()
        .map(|(key, value)| format!("{}: {}\n", escape(key), escape(value)))
        .collect();
    let headers = headers.concat();
    let payload = serde_json::to_string_pretty(&delivery.payload).unwrap_or_default();
    let body = format!(
        "<h1>{}</h1><p>{} · {} {} after {:.3} s {}</p><h2>Headers</h2><pre>{headers}</pre>\
         <h2>Payload</h2><pre>{}</pre><h2>Answer</h2><pre>{}</pre>",
        name(delivery),
        when(delivery.delivered_at),
        delivery.status_code,
        escape(&delivery.status),
        delivery.duration_seconds,
        again(delivery),
        escape(&payload),
        escape(&delivery.response_body)
    );
    Page::Shown {
        title: format!("Delivery {id}"),
        body,
    }
}
