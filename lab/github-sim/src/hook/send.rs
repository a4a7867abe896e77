use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::fault::DeliveryEffect;
use super::sign;
use crate::sim::Inner;
use crate::world::{Delivery, Hook, Outgoing};

/// GitHub's own limit for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes kept of an answer.
const MAX_ANSWER: usize = 64 << 10;

/// What came back: status code (0 for none), GitHub's word for it, headers, body.
struct Outcome {
    code: u16,
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Outcome {
    fn failed(status: &str) -> Self {
        Self {
            code: 0,
            status: status.to_owned(),
            headers: BTreeMap::new(),
            body: String::new(),
        }
    }
}

/// Makes one attempt and keeps it in the list, whatever came of it.
pub(super) async fn attempt(sim: &Inner, mut outgoing: Outgoing, effect: Option<&DeliveryEffect>) {
    let (hook, id, app, delivered_at) = {
        let mut world = sim.world();
        (world.hook.clone(), world.id(), world.app.id, world.now())
    };
    let Some(hook) = hook else { return };
    if effect == Some(&DeliveryEffect::UnknownAction) {
        outgoing.payload["action"] = serde_json::json!("simulated");
    }
    let (headers, body) = message(&hook, app, &outgoing, effect);
    let started = Instant::now();
    let outcome = match effect {
        Some(DeliveryEffect::Drop) => Outcome::failed("failed to connect to host"),
        _ => post(&sim.http, &hook.url, &headers, body).await,
    };
    let action = outgoing.action().map(str::to_owned);
    sim.world().record_delivery(Delivery {
        id,
        guid: outgoing.guid,
        event: outgoing.event,
        action,
        installation_id: outgoing.installation_id,
        repository_id: outgoing.repository_id,
        delivered_at,
        redelivery: outgoing.redelivery,
        duration_seconds: started.elapsed().as_secs_f64(),
        status: outcome.status,
        status_code: outcome.code,
        url: hook.url,
        request_headers: headers,
        payload: outgoing.payload,
        response_headers: outcome.headers,
        response_body: outcome.body,
    });
}

/// Writes the headers and the body that are signed and sent.
fn message(
    hook: &Hook,
    app: u64,
    outgoing: &Outgoing,
    effect: Option<&DeliveryEffect>,
) -> (BTreeMap<String, String>, Vec<u8>) {
    let json = outgoing.payload.to_string();
    let form = effect == Some(&DeliveryEffect::FormEncoded);
    let (media_type, body) = if form {
        let escaped: String = url::form_urlencoded::byte_serialize(json.as_bytes()).collect();
        (
            "application/x-www-form-urlencoded",
            format!("payload={escaped}").into_bytes(),
        )
    } else {
        ("application/json", json.into_bytes())
    };
    let mut headers = BTreeMap::new();
    let mut set = |name: &str, value: String| drop(headers.insert(name.to_owned(), value));
    set("Accept", "*/*".to_owned());
    set("Content-Type", media_type.to_owned());
    set("User-Agent", "GitHub-Hookshot/simulator".to_owned());
    set("X-GitHub-Delivery", outgoing.guid.clone());
    set("X-GitHub-Event", outgoing.event.clone());
    set("X-GitHub-Hook-ID", hook.id.to_string());
    set("X-GitHub-Hook-Installation-Target-ID", app.to_string());
    set("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned());
    let secret = match effect {
        Some(DeliveryEffect::ForgedSignature) => "not the secret",
        _ => hook.secret.as_str(),
    };
    if effect != Some(&DeliveryEffect::Unsigned) {
        set("X-Hub-Signature", sign::sha1(secret, &body));
        if effect != Some(&DeliveryEffect::Sha1Only) {
            set("X-Hub-Signature-256", sign::sha256(secret, &body));
        }
    }
    (headers, body)
}

async fn post(
    http: &reqwest::Client,
    url: &str,
    headers: &BTreeMap<String, String>,
    body: Vec<u8>,
) -> Outcome {
    let mut request = http.post(url).timeout(TIMEOUT).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => return Outcome::failed("timed out"),
        Err(_) => return Outcome::failed("failed to connect to host"),
    };
    let code = response.status().as_u16();
    let status = if response.status().is_success() {
        "OK".to_owned()
    } else {
        format!("Invalid HTTP Response: {code}")
    };
    let shown = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), shown(value)))
        .collect();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend(chunk.iter().take(MAX_ANSWER - body.len()));
        if body.len() == MAX_ANSWER {
            break;
        }
    }
    Outcome {
        code,
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}
