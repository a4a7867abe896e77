//! The way of one API request: fault, credentials, limits, rights, operation, contract, headers.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Answer, Call, Connection, Problem, Reply, Route, conditional, query_pairs};
use crate::auth::{self, Caller};
use crate::contract::Side;
use crate::fault::Effect;
use crate::log::RequestEntry;
use crate::sim::Inner;
use crate::world::World;

/// GitHub gives up on its own operations after about this time.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(1);
/// Versions of the API that can be asked for, oldest first; the first is used when none is.
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// A request as it came, with its body read.
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) api: String,
    pub(super) connection: Connection,
}

impl Incoming {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Answers one request for an API path; `found` is the operation, if there is one.
pub(super) async fn answer(
    sim: &Arc<Inner>,
    incoming: Incoming,
    found: Option<(Route, std::collections::BTreeMap<&'static str, String>)>,
) -> Reply {
    let started = Instant::now();
    let fault = sim.faults().take(&incoming.method, &incoming.path);
    if let Some(Effect::Slow { milliseconds }) = &fault {
        tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
    }
    let request_id = request_id();
    let mut caller = Caller::Nobody;
    let operation = found.as_ref().map(|(route, _)| route.operation());
    let parsed = parse(&incoming);
    let result = match fault.as_ref().and_then(Effect::refusal) {
        Some(problem) => Err(problem),
        None if matches!(fault, Some(Effect::BrokenBefore)) => Err(Problem::not_found()),
        None => {
            run(
                sim,
                &incoming,
                found,
                parsed.clone(),
                &mut caller,
                fault.as_ref(),
                &request_id,
            )
            .await
        }
    };
    let mut reply = result.unwrap_or_else(Reply::from);
    if let (Some(operation), Some(body)) = (&operation, &reply.body) {
        sim.contract
            .check(
                operation,
                Side::Response(reply.status.as_u16()),
                body,
                &request_id,
            )
            .await;
    }
    if incoming.method == "GET" && reply.status == StatusCode::OK {
        conditional::apply(&mut reply, &incoming.headers);
    }
    limits(sim, &caller, &mut reply);
    reply.set("x-github-request-id", &request_id);
    reply.set("x-github-media-type", "github.v3; format=json");
    let version = incoming.header("x-github-api-version").unwrap_or(VERSIONS[0]);
    reply.set("x-github-api-version-selected", version);
    match fault {
        Some(Effect::ErrorAfter { status }) => reply = lost(status),
        Some(Effect::BrokenBefore | Effect::BrokenAfter) => incoming.connection.break_off(),
        _ => {}
    }
    sim.log().request(RequestEntry {
        request_id,
        method: incoming.method.clone(),
        path: incoming.path.clone(),
        query: incoming.query.clone(),
        status: reply.status.as_u16(),
        caller: caller.describe(),
        operation,
        api_version: incoming.header("x-github-api-version").map(str::to_owned),
        user_agent: incoming.header("user-agent").map(str::to_owned),
        body: without_secret(parsed.unwrap_or_default()),
        fault,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        ..RequestEntry::at(sim.world().now())
    });
    reply
}

/// Returns the reply of a server that did the work and then fell over.
fn lost(status: u16) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Problem::new(status, "Server Error").into()
}

fn parse(incoming: &Incoming) -> Result<Value, Problem> {
    if incoming.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&incoming.body)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "Problems parsing JSON"))
}

async fn run(
    sim: &Arc<Inner>,
    incoming: &Incoming,
    found: Option<(Route, std::collections::BTreeMap<&'static str, String>)>,
    parsed: Result<Value, Problem>,
    caller: &mut Caller,
    fault: Option<&Effect>,
    request_id: &str,
) -> Answer {
    if incoming.header("user-agent").is_none_or(str::is_empty) {
        let message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    if let Some(version) = incoming.header("x-github-api-version")
        && !VERSIONS.contains(&version)
    {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!("{version:?} is not a supported API version"),
        ));
    }
    *caller = auth::identify(&mut sim.world(), incoming.header("authorization"))?;
    let (route, params) = found.ok_or_else(Problem::not_found)?;
    auth::charge(&mut sim.world(), caller, &incoming.path)?;
    let mut call = Call {
        sim: sim.clone(),
        seen: sim.shared_world(),
        caller: caller.clone(),
        params,
        query: query_pairs(&incoming.query),
        body: parsed?,
        headers: incoming.headers.clone(),
        api: incoming.api.clone(),
        path: incoming.path.clone(),
        repository: 0,
    };
    match auth::admit(&sim.world(), &call, route.need)? {
        auth::Admitted::Yes(repository) => call.repository = repository,
        auth::Admitted::Moved(path) => return Ok(Reply::moved(&format!("{}{path}", call.api))),
    }
    if !call.body.is_null() {
        sim.contract
            .check(&route.operation(), Side::Request, &call.body, request_id)
            .await;
    }
    if incoming.method == "GET" {
        if let (Some(Effect::StaleRead), Some(past)) = (fault, sim.past()) {
            call.seen = Arc::new(Mutex::new(World::clone(&past)));
        }
    } else if sim.faults().wants_past() {
        sim.keep_past();
    }
    let result = tokio::time::timeout(OPERATION_TIMEOUT, (route.handler)(call)).await;
    if incoming.method != "GET" {
        sim.flush();
    }
    result.unwrap_or_else(|_| Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "Timeout")))
}

/// Blanks the one secret that a body can carry: the webhook's.
fn without_secret(mut body: Value) -> Value {
    if let Some(secret) = body.get_mut("secret") {
        *secret = Value::from("********");
    }
    body
}

/// Adds the primary limit's headers, and gives back what an unchanged read cost.
fn limits(sim: &Inner, caller: &Caller, reply: &mut Reply) {
    let Some(key) = caller.window() else { return };
    let mut world = sim.world();
    let limit = world.hourly_limit;
    let Some(window) = world.windows.get_mut(&key) else {
        return;
    };
    if reply.status == StatusCode::NOT_MODIFIED {
        window.used = window.used.saturating_sub(1);
    }
    reply.set("x-ratelimit-limit", &limit.to_string());
    reply.set(
        "x-ratelimit-remaining",
        &limit.saturating_sub(window.used).to_string(),
    );
    reply.set("x-ratelimit-used", &window.used.to_string());
    reply.set("x-ratelimit-reset", &window.resets_at.as_second().to_string());
    reply.set("x-ratelimit-resource", "core");
}

/// Returns an id in GitHub's form: groups of upper-case hexadecimal digits.
fn request_id() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    format!(
        "{}:{}:{}:{}:{}",
        &id[..4],
        &id[4..9],
        &id[9..16],
        &id[16..23],
        &id[23..31]
    )
}
