//! `/_sim/*`: how scripts and other processes drive the simulator. GitHub has nothing like it.
//!
//! Where the simulator was started with a key, `Authorization: Bearer <key>` is needed for all but `health`.
//!
//! | path | GET | POST (JSON) | DELETE |
//! |---|---|---|---|
//! | `seed` | | a [`Seed`]; answers the App and its installations | |
//! | `app` | ids, bot, installations | | |
//! | `log` | requests and contract errors | | forgets them |
//! | `deliveries` | attempts with headers and payloads | | |
//! | `deliver` | | `event`, `payload`, `guid?`: sends it signed | |
//! | `redeliver` | | `id` of a delivery | |
//! | `faults`, `delivery_faults` | what is armed | one fault or a list | disarms all |
//! | `clock` | `now` | `now?`, `advance_seconds?` | |
//! | `webhook` | | `url`, `secret` | |
//! | `tokens` | | `login`: a token of that person | |
//! | `label` | | `repository`, `number`, `label`, `by`, `remove?` | |
//! | `roles` | | `repository`, `login`, `role` | |
//! | `rename` | | `repository`, `name` | |
//! | `rate_limit` | | `limit` per hour | |
//! | `suspend` | | `installation_id`, `suspended` | |
//! | `health` | `ok` | | |

mod input;

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::input::{ClockInput, DeliverInput, LabelInput, RateLimitInput, RenameInput, RoleInput, TokenInput};
use self::input::{SuspendInput, WebhookInput, one_or_many};
use crate::fault::Fault;
use crate::hook::DeliveryFault;
use crate::http::{json, may_drive, same_origin};
use crate::seed::{self, Seed};
use crate::sim::Inner;

/// Answers one request of the control surface.
pub(crate) async fn answer(sim: &Arc<Inner>, parts: &Parts, body: Bytes) -> Response {
    if !same_origin(&parts.headers) {
        return json(
            StatusCode::FORBIDDEN,
            json!({"error": "other sites' pages may not drive the simulator"}),
        );
    }
    let what = parts.uri.path().trim_start_matches("/_sim/");
    if what != "health" && !may_drive(sim, &parts.headers) {
        return json(
            StatusCode::UNAUTHORIZED,
            json!({"error": "show the simulator's key as a bearer token; the lab writes it to endpoints.json"}),
        );
    }
    let result = match parts.method {
        Method::GET => read(sim, what).await,
        Method::POST => write(sim, what, &body).await,
        Method::DELETE => Ok(clear(sim, what)),
        _ => Ok(None),
    };
    sim.flush();
    match result {
        Ok(Some(body)) => json(StatusCode::OK, body),
        Ok(None) => json(
            StatusCode::NOT_FOUND,
            json!({"error": format!("no {} {what} here", parts.method)}),
        ),
        Err(error) => json(StatusCode::BAD_REQUEST, json!({"error": format!("{error:#}")})),
    }
}

async fn read(sim: &Arc<Inner>, what: &str) -> Result<Option<Value>> {
    Ok(Some(match what {
        "health" => json!({"ok": true}),
        "log" => {
            sim.contract.settle().await?;
            serde_json::to_value(&*sim.log())?
        }
        "faults" => serde_json::to_value(sim.faults().list())?,
        "delivery_faults" => serde_json::to_value(sim.delivery_faults().list())?,
        "deliveries" => serde_json::to_value(&sim.world().deliveries)?,
        "clock" => json!({"now": sim.world().now()}),
        "app" => app(sim),
        _ => return Ok(None),
    }))
}

/// Returns what a product needs to know of the App, except its private key.
fn app(sim: &Arc<Inner>) -> Value {
    let world = sim.world();
    let installations: Vec<_> = world
        .installations
        .values()
        .map(
            |one| json!({"id": one.id, "account": world.login(one.account_id), "account_id": one.account_id}),
        )
        .collect();
    let app = &world.app;
    json!({
        "id": app.id,
        "client_id": app.client_id,
        "slug": app.slug,
        "bot": {"id": app.bot_id, "login": world.login(app.bot_id)},
        "installations": installations,
        "webhook_url": world.hook.as_ref().map(|hook| &hook.url),
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).context("reading the body")
}

async fn write(sim: &Arc<Inner>, what: &str, body: &[u8]) -> Result<Option<Value>> {
    match what {
        "seed" => {
            seed::apply(sim, &parse::<Seed>(body)?).await?;
            return Ok(Some(app(sim)));
        }
        "faults" => one_or_many::<Fault>(body)?
            .into_iter()
            .for_each(|fault| sim.faults().add(fault)),
        "delivery_faults" => {
            one_or_many::<DeliveryFault>(body)?
                .into_iter()
                .for_each(|fault| sim.delivery_faults().add(fault));
        }
        "clock" => {
            let input: ClockInput = parse(body)?;
            let mut world = sim.world();
            if let Some(now) = input.now {
                world.clock.set(now);
            }
            world.clock.advance(input.advance_seconds);
            return Ok(Some(json!({"now": world.now()})));
        }
        "deliver" => {
            let input: DeliverInput = parse(body)?;
            return Ok(Some(
                json!({"guid": sim.deliver(&input.event, input.payload, input.guid)?}),
            ));
        }
        "redeliver" => sim
            .world()
            .redeliver(parse::<Value>(body)?["id"].as_u64().context("an id is missing")?)?,
        "webhook" => {
            let input: WebhookInput = parse(body)?;
            sim.set_webhook(&input.url, &input.secret);
        }
        "tokens" => {
            let input: TokenInput = parse(body)?;
            return Ok(Some(json!({"token": sim.person_token(&input.login)?})));
        }
        "label" => {
            let input: LabelInput = parse(body)?;
            sim.set_label(
                (&input.repository, input.number),
                &input.label,
                &input.by,
                !input.remove,
            )?;
        }
        "roles" => {
            let input: RoleInput = parse(body)?;
            sim.set_role(&input.repository, &input.login, input.role)?;
        }
        "rename" => {
            let input: RenameInput = parse(body)?;
            sim.rename(&input.repository, &input.name)?;
        }
        "rate_limit" => sim.world().hourly_limit = parse::<RateLimitInput>(body)?.limit,
        "suspend" => {
            let input: SuspendInput = parse(body)?;
            sim.suspend(input.installation_id, input.suspended)?;
        }
        _ => return Ok(None),
    }
    Ok(Some(json!({"ok": true})))
}

fn clear(sim: &Arc<Inner>, what: &str) -> Option<Value> {
    match what {
        "faults" => sim.faults().clear(),
        "delivery_faults" => sim.delivery_faults().clear(),
        "log" => *sim.log() = crate::log::Log::default(),
        _ => return None,
    }
    Some(json!({"ok": true}))
}
