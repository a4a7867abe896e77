use serde_json::json;

use crate::http::{Call, Need, Reply, Route, always};

pub(super) fn routes() -> Vec<Route> {
    vec![
        always("GET", "/meta", Need::Anyone, meta),
        always("GET", "/rate_limit", Need::Anyone, rate_limit),
    ]
}

/// Says where deliveries come from: this machine.
fn meta(_: &Call) -> Reply {
    let here = json!(["127.0.0.0/8", "::1/128"]);
    Reply::ok(json!({
        "verifiable_password_authentication": false,
        "hooks": here, "web": here, "api": here, "git": here,
    }))
}

fn rate_limit(call: &Call) -> Reply {
    let world = call.world();
    let (limit, window) = match call.caller.window() {
        Some(key) => (world.hourly_limit, world.windows.get(&key).copied()),
        None => (60, None),
    };
    let used = window.map_or(0, |window| window.used);
    let reset = window.map_or_else(
        || world.now().as_second() + 3_600,
        |window| window.resets_at.as_second(),
    );
    let core = json!({"limit": limit, "used": used, "remaining": limit.saturating_sub(used), "reset": reset});
    let search = json!({"limit": 30, "used": 0, "remaining": 30, "reset": reset});
    let graphql = json!({"limit": 5_000, "used": 0, "remaining": 5_000, "reset": reset});
    Reply::ok(json!({"resources": {"core": core, "search": search, "graphql": graphql}, "rate": core}))
}
