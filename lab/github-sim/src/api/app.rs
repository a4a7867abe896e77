use serde::Deserialize;
use serde_json::json;

use crate::auth::installation_token;
use crate::http::{Answer, Call, Need, Problem, Reply, Route, always, now};
use crate::view::View;
use crate::world::{Delivery, Installation, Outgoing, Permissions, World, covers};

pub(super) fn routes() -> Vec<Route> {
    vec![
        always("GET", "/app", Need::App, |call| {
            let world = call.world();
            Reply::ok(call.view(&world).app())
        }),
        always("GET", "/app/installations", Need::App, list),
        now("GET", "/app/installations/{installation_id}", Need::App, get),
        now(
            "POST",
            "/app/installations/{installation_id}/access_tokens",
            Need::App,
            create_token,
        ),
        now("GET", "/app/hook/config", Need::App, hook_config),
        now("PATCH", "/app/hook/config", Need::App, set_hook_config),
        always("GET", "/app/hook/deliveries", Need::App, deliveries),
        now("GET", "/app/hook/deliveries/{delivery_id}", Need::App, delivery),
        now(
            "POST",
            "/app/hook/deliveries/{delivery_id}/attempts",
            Need::App,
            redeliver,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/installation",
            Need::App,
            of_repository,
        ),
        now(
            "GET",
            "/installation/repositories",
            Need::Installation,
            repositories,
        ),
        always("DELETE", "/installation/token", Need::Installation, revoke),
    ]
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let view = call.view(&world);
    call.page(
        world
            .installations
            .values()
            .map(|one| view.installation(one))
            .collect(),
    )
}

fn installation<'a>(world: &'a World, call: &Call) -> Result<&'a Installation, Problem> {
    world
        .installations
        .get(&call.number("installation_id")?)
        .ok_or_else(Problem::not_found)
}

fn get(call: &Call) -> Answer {
    let world = call.world();
    Ok(Reply::ok(
        call.view(&world).installation(installation(&world, call)?),
    ))
}

fn of_repository(call: &Call) -> Answer {
    let world = call.world();
    let found = world
        .installation_of(world.repository(call.repository)?)
        .ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(call.view(&world).installation(found)))
}

#[derive(Deserialize)]
struct TokenInput {
    repositories: Option<Vec<String>>,
    repository_ids: Option<Vec<u64>>,
    permissions: Option<Permissions>,
}

/// Gives out a token that may do less than the installation, never more.
fn create_token(call: &Call) -> Answer {
    let input: TokenInput = call.input()?;
    let mut world = call.world();
    let held = installation(&world, call)?.clone();
    if held.suspended_at.is_some() {
        return Err(Problem::new(
            http::StatusCode::FORBIDDEN,
            "This installation has been suspended",
        ));
    }
    let permissions = match input.permissions.filter(|asked| !asked.is_empty()) {
        None => held.permissions.clone(),
        Some(asked) => narrowed(&held.permissions, asked)?,
    };
    let ids = narrowed_repositories(&world, &held, input.repositories, input.repository_ids)?;
    let (token, expires_at) = installation_token(&mut world, held.id, permissions.clone(), ids.clone());
    let selection = if ids.is_some() || held.selected.is_some() {
        "selected"
    } else {
        "all"
    };
    let mut body = json!({
        "token": token,
        "expires_at": expires_at,
        "permissions": permissions,
        "repository_selection": selection,
    });
    if let Some(ids) = ids {
        let view = call.view(&world);
        let shown = ids
            .iter()
            .filter_map(|id| world.repositories.get(id))
            .map(|found| view.repository(found));
        body["repositories"] = shown.collect();
    }
    Ok(Reply::created(body))
}

fn narrowed(held: &Permissions, mut asked: Permissions) -> Result<Permissions, Problem> {
    if asked.iter().any(|(name, level)| !covers(held, name, *level)) {
        return Err(Problem::unprocessable(
            "The permissions requested are not granted to this installation.",
        ));
    }
    // Reading metadata comes with every token.
    asked
        .entry("metadata".to_owned())
        .or_insert(crate::world::Level::Read);
    Ok(asked)
}

fn narrowed_repositories(
    world: &World,
    held: &Installation,
    names: Option<Vec<String>>,
    ids: Option<Vec<u64>>,
) -> Result<Option<Vec<u64>>, Problem> {
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    let refused = || {
        let message = "There is at least one repository that does not exist or is not accessible to the parent installation.";
        Problem::unprocessable(message)
    };
    let owner = world.login(held.account_id);
    let mut wanted = ids.unwrap_or_default();
    for name in names.unwrap_or_default() {
        wanted.push(world.repository_named(owner, &name).ok_or_else(refused)?.id);
    }
    for id in &wanted {
        let found = world
            .repositories
            .get(id)
            .and_then(|found| world.installation_of(found));
        found.filter(|found| found.id == held.id).ok_or_else(refused)?;
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(Some(wanted))
}

fn repositories(call: &Call) -> Answer {
    let world = call.world();
    let view = call.view(&world);
    let crate::auth::Caller::Installation {
        id, repository_ids, ..
    } = &call.caller
    else {
        return Err(Problem::not_accessible());
    };
    let visible = world.repositories.values().filter(|about| {
        world.installation_of(about).is_some_and(|found| found.id == *id)
            && repository_ids.as_ref().is_none_or(|ids| ids.contains(&about.id))
    });
    Ok(call.page_in(
        "repositories",
        visible.map(|about| view.repository(about)).collect(),
    ))
}

fn revoke(call: &Call) -> Reply {
    let shown = call
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let token = shown.split_once(' ').map_or("", |(_, token)| token);
    call.world().tokens.remove(token);
    Reply::no_content()
}

fn hook_config(call: &Call) -> Answer {
    let world = call.world();
    Ok(Reply::ok(View::hook_config(
        world.hook.as_ref().ok_or_else(Problem::not_found)?,
    )))
}

#[derive(Deserialize)]
struct HookInput {
    url: Option<String>,
    secret: Option<String>,
}

fn set_hook_config(call: &Call) -> Answer {
    let input: HookInput = call.input()?;
    let mut world = call.world();
    let hook = world.hook.as_mut().ok_or_else(Problem::not_found)?;
    hook.url = input.url.unwrap_or_else(|| hook.url.clone());
    hook.secret = input.secret.unwrap_or_else(|| hook.secret.clone());
    Ok(Reply::ok(View::hook_config(hook)))
}

/// Lists attempts, newest first; `status=failure` leaves out those that went well.
fn deliveries(call: &Call) -> Reply {
    let mut world = call.world();
    world.forget_deliveries();
    let wanted = |delivery: &&Delivery| match call.query("status") {
        Some("failure") => delivery.status != "OK",
        Some("success") => delivery.status == "OK",
        _ => true,
    };
    let newest_first = world.deliveries.iter().rev().filter(wanted);
    let entries: Vec<_> = newest_first
        .map(|one| (one.id, View::delivery_item(one)))
        .collect();
    call.cursor_page(&entries)
}

fn delivery(call: &Call) -> Answer {
    let (world, id) = (call.world(), call.number("delivery_id")?);
    let found = world
        .deliveries
        .iter()
        .find(|one| one.id == id)
        .ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(View::delivery(found)))
}

/// Sends an event again, under the same GUID.
fn redeliver(call: &Call) -> Answer {
    call.world().redeliver(call.number("delivery_id")?)?;
    Ok(Reply::accepted(json!({})))
}

impl World {
    /// Puts a past delivery into the outbox again; the GUID stays the same.
    pub(crate) fn redeliver(&mut self, id: u64) -> Result<(), Problem> {
        let found = self
            .deliveries
            .iter()
            .find(|one| one.id == id)
            .ok_or_else(Problem::not_found)?;
        let again = Outgoing {
            guid: found.guid.clone(),
            event: found.event.clone(),
            repository_id: found.repository_id,
            installation_id: found.installation_id,
            payload: found.payload.clone(),
            redelivery: true,
        };
        self.outbox.push(again);
        Ok(())
    }
}
