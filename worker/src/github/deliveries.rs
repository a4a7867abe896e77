//! The App's webhook deliveries, as GitHub remembers them (3 days; an Enterprise Server 7).

use http::Method;
use orchestrator::ports::code_host::HostDeliveryPage;
use url::form_urlencoded;

use super::call::Call;
use super::connection::{Connection, parse};
use super::{Result, link, wire};

const LIST: &str = "/app/hook/deliveries?per_page=100";

pub(super) async fn page(connection: &Connection, from: Option<&str>) -> Result<HostDeliveryPage> {
    let path = match from {
        Some(cursor) => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("cursor", cursor)
                .finish();
            format!("{LIST}&{query}")
        }
        None => LIST.to_owned(),
    };
    let call = Call::get("list_deliveries", path, "the App's deliveries");
    let answer = connection.begin_as_app().send(&call).await?;
    let page: Vec<wire::Delivery> = parse(&call, &answer)?;
    Ok(HostDeliveryPage {
        deliveries: page.into_iter().filter_map(wire::Delivery::known).collect(),
        older: link::next(&answer.headers).and_then(|path| link::parameter(&path, "cursor")),
    })
}

pub(super) async fn redeliver(connection: &Connection, host_delivery_id: i64) -> Result<()> {
    let call = Call::write(
        "redeliver",
        Method::POST,
        format!("/app/hook/deliveries/{host_delivery_id}/attempts"),
        format!("delivery {host_delivery_id}"),
    );
    connection.begin_as_app().send(&call).await.map(drop)
}
