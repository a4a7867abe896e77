use serde_json::{Value, json};

use super::View;
use super::account::merge;
use crate::world::{Delivery, Hook};

impl View<'_> {
    pub(crate) fn hook_config(hook: &Hook) -> Value {
        json!({"url": hook.url, "content_type": "json", "secret": "********", "insecure_ssl": "0"})
    }

    pub(crate) fn delivery_item(delivery: &Delivery) -> Value {
        json!({
            "id": delivery.id,
            "guid": delivery.guid,
            "delivered_at": delivery.delivered_at,
            "redelivery": delivery.redelivery,
            "duration": delivery.duration_seconds,
            "status": delivery.status,
            "status_code": delivery.status_code,
            "event": delivery.event,
            "action": delivery.action,
            "installation_id": delivery.installation_id,
            "repository_id": delivery.repository_id,
            "throttled_at": null,
        })
    }

    pub(crate) fn delivery(delivery: &Delivery) -> Value {
        let mut out = Self::delivery_item(delivery);
        merge(
            &mut out,
            json!({
                "url": delivery.url,
                "request": {"headers": delivery.request_headers, "payload": delivery.payload},
                "response": {"headers": delivery.response_headers, "payload": delivery.response_body},
            }),
        );
        out
    }
}
