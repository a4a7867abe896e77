use crate::auth::Caller;
use crate::http::{Answer, Call, Need, Problem, Reply, Route, now};
use crate::world::{Account, AccountKind, Level, World, covers};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now("GET", "/orgs/{org}/installation", Need::App, installation),
        now("GET", "/orgs/{org}/members", Need::Installation, members),
        now(
            "GET",
            "/orgs/{org}/teams/{team_slug}/members",
            Need::Installation,
            team_members,
        ),
    ]
}

pub(super) fn organization<'a>(world: &'a World, call: &Call) -> Result<&'a Account, Problem> {
    let org = world.account_by_login(call.param("org"));
    org.filter(|org| org.kind == AccountKind::Organization)
        .ok_or_else(Problem::not_found)
}

fn installation(call: &Call) -> Answer {
    let world = call.world();
    let org = organization(&world, call)?;
    let found = world.installations.values().find(|one| one.account_id == org.id);
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(call.view(&world).installation(found)))
}

fn members(call: &Call) -> Answer {
    let world = call.world();
    let org = visible(&world, call)?;
    Ok(listed(call, &world, org.members.iter()))
}

fn team_members(call: &Call) -> Answer {
    let world = call.world();
    let org = visible(&world, call)?;
    let team = org.teams.get(call.param("team_slug"));
    let team = team.ok_or_else(Problem::not_found)?;
    Ok(listed(call, &world, team.iter()))
}

/// The organisation, to the installation on it that may read members.
fn visible<'a>(world: &'a World, call: &Call) -> Result<&'a Account, Problem> {
    let org = organization(world, call)?;
    let Caller::Installation { id, permissions, .. } = &call.caller else {
        return Err(Problem::not_accessible());
    };
    let is_there = world
        .installations
        .get(id)
        .is_some_and(|found| found.account_id == org.id);
    if is_there && covers(permissions, "members", Level::Read) {
        Ok(org)
    } else {
        Err(Problem::not_accessible())
    }
}

fn listed<'a>(call: &Call, world: &World, members: impl Iterator<Item = &'a u64>) -> Reply {
    let view = call.view(world);
    call.page(members.map(|id| view.user(*id)).collect())
}
