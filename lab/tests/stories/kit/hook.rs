//! A webhook, as GitHub sends it or as somebody else would.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

/// One request to `POST /webhooks/github`.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) guid: String,
    pub(crate) event: String,
    pub(crate) body: Vec<u8>,
    pub(crate) signature: Option<String>,
}

impl Hook {
    /// A delivery of its own, signed with `secret`.
    pub(crate) fn signed(secret: &str, event: &str, payload: &Value) -> Self {
        let body = payload.to_string().into_bytes();
        Self {
            guid: Uuid::new_v4().to_string(),
            event: event.to_owned(),
            signature: Some(signature(secret, &body)),
            body,
        }
    }

    /// The same under another GUID.
    pub(crate) fn anew(&self) -> Self {
        Self {
            guid: Uuid::new_v4().to_string(),
            ..self.clone()
        }
    }
}

pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
