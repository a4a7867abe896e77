use super::need;
use super::orgs::organization;
use crate::http::{Answer, Call, Need, Problem, Reply, Route, now};
use crate::view::View;
use crate::world::{Account, Role};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now("GET", "/user", Need::Person, |call| {
            let world = call.world();
            show(call.view(&world), world.accounts.get(&call.actor()))
        }),
        now("GET", "/user/{account_id}", Need::Anyone, |call| {
            let world = call.world();
            show(call.view(&world), world.accounts.get(&call.number("account_id")?))
        }),
        now("GET", "/users/{username}", Need::Anyone, |call| {
            let world = call.world();
            show(call.view(&world), world.account_by_login(call.param("username")))
        }),
        now(
            "GET",
            "/repos/{owner}/{repo}/collaborators/{username}",
            need::METADATA,
            is_collaborator,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/collaborators/{username}/permission",
            need::METADATA,
            permission,
        ),
        now(
            "GET",
            "/user/memberships/orgs/{org}",
            Need::Person,
            org_membership,
        ),
        now(
            "GET",
            "/orgs/{org}/teams/{team_slug}/memberships/{username}",
            Need::Person,
            team_membership,
        ),
    ]
}

fn show(view: View<'_>, account: Option<&Account>) -> Answer {
    Ok(Reply::ok(view.profile(account.ok_or_else(Problem::not_found)?)))
}

/// Whether the asker is a member of an organisation; of one they are not in, nobody says even that it is there.
fn org_membership(call: &Call) -> Answer {
    let world = call.world();
    let org = organization(&world, call)?;
    if !org.members.contains(&call.actor()) {
        return Err(Problem::not_found());
    }
    Ok(Reply::ok(call.view(&world).org_membership(org, call.actor())))
}

/// Whether somebody is a member of a team, to those who are in its organisation.
fn team_membership(call: &Call) -> Answer {
    let world = call.world();
    let org = organization(&world, call)?;
    let slug = call.param("team_slug");
    let named = world.account_by_login(call.param("username"));
    let team = org
        .teams
        .get(slug)
        .filter(|_| org.members.contains(&call.actor()));
    let member = named.zip(team).filter(|(named, team)| team.contains(&named.id));
    let (member, _) = member.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(call.view(&world).team_membership(org, slug, member)))
}

fn is_collaborator(call: &Call) -> Answer {
    let world = call.world();
    let account = world
        .account_by_login(call.param("username"))
        .ok_or_else(Problem::not_found)?;
    let about = world.repository(call.repository)?;
    let is = about.owner_id == account.id
        || about
            .roles
            .get(&account.id)
            .is_some_and(|role| *role > Role::None);
    if is {
        Ok(Reply::no_content())
    } else {
        Err(Problem::not_found())
    }
}

/// Answers what one person may do here; somebody without any part in it gets `none`, or `read` when it is public.
fn permission(call: &Call) -> Answer {
    let world = call.world();
    let named = call.param("username");
    let missing = || Problem::new(http::StatusCode::NOT_FOUND, format!("{named} is not a user"));
    let account = world.account_by_login(named).ok_or_else(missing)?.id;
    Ok(Reply::ok(call.view(&world).collaborator_permission(
        world.repository(call.repository)?,
        account,
    )))
}
