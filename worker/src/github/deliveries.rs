//! The App's webhook deliveries, as GitHub remembers them (3 days; an Enterprise Server 7).

use http::Method;
use jiff::Timestamp;
use orchestrator::ports::code_host::HostDelivery;

use super::call::Call;
use super::connection::{Connection, parse};
use super::{Result, link, wire};

/// Of 100 deliveries each.
const MOST_PAGES: usize = 50;

pub(super) async fn list(
    connection: &Connection,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<HostDelivery>> {
    let operation = connection.begin_as_app();
    let mut call = Call::get("/app/hook/deliveries?per_page=100", "the App's deliveries");
    let mut deliveries = Vec::new();
    for _ in 0..MOST_PAGES {
        let answer = operation.send(&call).await?;
        let page: Vec<wire::Delivery> = parse(&call, &answer)?;
        for delivery in page.into_iter().filter_map(wire::Delivery::known) {
            if delivery.delivered_at < since || deliveries.len() == limit {
                return Ok(deliveries);
            }
            deliveries.push(delivery);
        }
        match link::next(&answer.headers) {
            Some(path) if deliveries.len() < limit => call.path = path,
            _ => break,
        }
    }
    Ok(deliveries)
}

pub(super) async fn redeliver(connection: &Connection, host_delivery_id: i64) -> Result<()> {
    let call = Call::write(
        Method::POST,
        format!("/app/hook/deliveries/{host_delivery_id}/attempts"),
        format!("delivery {host_delivery_id}"),
    );
    connection.begin_as_app().send(&call).await.map(drop)
}
