//! Genuine tokens that do not count any more, or not for this.

use jiff::SignedDuration;
use orchestrator::run::jobs::StartRunner;
use orchestrator::run::{self, Run};
use orchestrator::{Actor, credential, identity};
use secrecy::ExposeSecret;

use super::forge::Forge;
use super::table::Table;
use super::{Door, Stage, personal_token, service_token};

const SYSTEM: Actor = Actor::System("test");

struct Turn {
    run: Run,
    supervisor: String,
    agent: String,
}

pub(super) async fn show(stage: &Stage, table: &mut Table) {
    let tools = Door {
        http: &stage.world.http,
        name: "tools",
        url: &stage.world.tools_url,
        token: "",
    };
    let gateway = Door {
        name: "gateway",
        url: &stage.world.gateway_url,
        ..tools
    };
    purposes(stage, table, &tools, &gateway).await;
    people(stage, table, &gateway).await;
    keys(stage, table, &tools).await;
    late(stage, table, &tools, &gateway).await;
}

/// One purpose used for another, and turns that ended.
#[expect(clippy::too_many_lines, reason = "a table")]
async fn purposes(stage: &Stage, table: &mut Table, tools: &Door<'_>, gateway: &Door<'_>) {
    let turn = turn(stage, 1).await;
    let call = |door: &Door<'_>, token: &str, tool: &str| door.tool("/mcp", tool).bearer_auth(token);
    table
        .accepted("a supervisor", call(tools, &turn.supervisor, "run_heartbeat"))
        .await;
    table
        .accepted("an agent", call(tools, &turn.agent, "effect_list"))
        .await;
    for (kind, token, tool) in [
        (
            "purpose: an agent that gives signs of life",
            &turn.agent,
            "run_heartbeat",
        ),
        (
            "purpose: an agent that asks for a git credential",
            &turn.agent,
            "repository_token_issue",
        ),
        (
            "purpose: an agent that renews its tokens",
            &turn.agent,
            "run_token_refresh",
        ),
        ("purpose: an agent that ends its turn", &turn.agent, "run_finish"),
        ("purpose: an agent that starts runs", &turn.agent, "run_start"),
        (
            "purpose: a supervisor that starts runs",
            &turn.supervisor,
            "run_start",
        ),
        (
            "purpose: a supervisor that reads secrets",
            &turn.supervisor,
            "secret_list",
        ),
        (
            "purpose: a program as a supervisor",
            &stage.inside.genuine,
            "run_heartbeat",
        ),
        (
            "purpose: a program that renews a run's tokens",
            &stage.inside.genuine,
            "run_token_refresh",
        ),
        (
            "purpose: a project's program on the platform",
            &stage.inside.genuine,
            "user_list",
        ),
    ] {
        table.add(kind, tools.name, call(tools, token, tool)).await;
    }
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    let audience = stage.world.public_audience();
    let vouched = credential::vouch(&stage.world.edge, &audience, address)
        .await
        .unwrap();
    for (kind, token, tool) in [
        (
            "purpose: a supervisor outside the cluster",
            &turn.supervisor,
            "run_heartbeat",
        ),
        (
            "purpose: an agent outside the cluster",
            &turn.agent,
            "effect_list",
        ),
        (
            "purpose: a person as a supervisor",
            &stage.public.genuine,
            "run_heartbeat",
        ),
        (
            "purpose: the gateway's word about an address as a bearer",
            &vouched,
            "principal_get",
        ),
    ] {
        table.add(kind, gateway.name, call(gateway, token, tool)).await;
    }
    run::cancel(&stage.world.inside, &SYSTEM, turn.run.run_id, None, None)
        .await
        .unwrap();
    for (kind, token, tool) in [
        ("ended: a turn's supervisor", &turn.supervisor, "run_heartbeat"),
        (
            "ended: a turn's supervisor that renews its tokens",
            &turn.supervisor,
            "run_token_refresh",
        ),
        (
            "ended: a turn's supervisor that asks for a git credential",
            &turn.supervisor,
            "repository_token_issue",
        ),
        ("ended: a turn's agent", &turn.agent, "effect_list"),
        (
            "ended: a turn's agent that ends it again",
            &turn.agent,
            "run_finish",
        ),
    ] {
        table.add(kind, tools.name, call(tools, token, tool)).await;
    }
}

async fn people(stage: &Stage, table: &mut Table, gateway: &Door<'_>) {
    let world = &stage.world;
    let ben = world.know("ben", None).await;
    let token = personal_token(world, ben.person_id, "laptop").await;
    let mut browser = world.signed_in("ben").await;
    let call = || gateway.call().bearer_auth(&token);
    table.accepted("a person", call()).await;
    assert_eq!(browser.who().await.0, 200);
    identity::disable(&world.inside, &SYSTEM, ben.person_id)
        .await
        .unwrap();
    table
        .add("ended: a token of somebody who is disabled", gateway.name, call())
        .await;
    let session = browser.call("principal_get");
    table
        .add("cookie: of somebody who is disabled", gateway.name, session)
        .await;
}

/// Keys that are not the one a token was written down for.
async fn keys(stage: &Stage, table: &mut Table, tools: &Door<'_>) {
    let (world, audience) = (&stage.world, stage.world.inside_audience());
    let call = |token: &str| tools.call().bearer_auth(token);
    credential::rotate(&world.inside, &SYSTEM, &audience, true)
        .await
        .unwrap();
    table
        .accepted("a token of the key before", call(&stage.inside.genuine))
        .await;
    let fresh = service_token(world, &stage.shop, &audience, SignedDuration::from_hours(24)).await;
    let fresh = Forge::of(&world.inside, &audience, &fresh).await;
    table
        .accepted("a token of the new key", call(&fresh.genuine))
        .await;
    for (kind, key, head, claims) in [
        (
            "key: the new one, for a token of the old",
            &fresh.key,
            &fresh.head,
            &stage.inside.claims,
        ),
        (
            "key: the old one, for a token of the new",
            &stage.inside.key,
            &stage.inside.head,
            &fresh.claims,
        ),
    ] {
        let token = super::forge::by(key, &head.to_string(), &claims.to_string());
        table.add(kind, tools.name, call(&token)).await;
    }
}

/// Tokens whose time is over; the clock goes on, so this comes last.
async fn late(stage: &Stage, table: &mut Table, tools: &Door<'_>, gateway: &Door<'_>) {
    let (world, audience) = (&stage.world, stage.world.inside_audience());
    let hour = service_token(world, &stage.shop, &audience, SignedDuration::from_hours(1)).await;
    let past = service_token(world, &stage.shop, &audience, SignedDuration::from_secs(-1)).await;
    let turn = turn(stage, 2).await;
    let browser = world.signed_in("ada").await;
    let call = |token: &str, tool: &str| tools.tool("/mcp", tool).bearer_auth(token);
    table
        .accepted("a token of an hour", call(&hour, "principal_get"))
        .await;
    table
        .accepted("a session of an hour", browser.call("principal_get"))
        .await;
    table
        .add(
            "expired: before it was given",
            tools.name,
            call(&past, "principal_get"),
        )
        .await;
    world.clock.advance(SignedDuration::from_mins(61));
    for (kind, token, tool) in [
        ("expired: a program's", &hour, "principal_get"),
        (
            "expired: a supervisor's that gives signs of life",
            &turn.supervisor,
            "run_heartbeat",
        ),
        (
            "expired: a supervisor's that asks for a git credential",
            &turn.supervisor,
            "repository_token_issue",
        ),
        ("expired: an agent's", &turn.agent, "effect_list"),
        (
            "expired: an agent's that renews itself",
            &turn.agent,
            "run_token_refresh",
        ),
    ] {
        table.add(kind, tools.name, call(token, tool)).await;
    }
    table
        .add(
            "cookie: of a session that rested an hour",
            gateway.name,
            browser.call("principal_get"),
        )
        .await;
    table
        .accepted(
            "the one call of a late supervisor",
            call(&turn.supervisor, "run_token_refresh"),
        )
        .await;
    world.clock.advance(SignedDuration::from_hours(2));
    let too_late = call(&turn.supervisor, "run_token_refresh");
    table
        .add(
            "expired: a supervisor's that renews itself too late",
            tools.name,
            too_late,
        )
        .await;
    table
        .accepted(
            "the token itself, at the end",
            call(&stage.inside.genuine, "principal_get"),
        )
        .await;
}

/// A run whose pod was wanted, with its tokens.
async fn turn(stage: &Stage, number: i64) -> Turn {
    let (inside, audience) = (&stage.world.inside, stage.world.inside_audience());
    let run_id = stage.shop.start(inside, Some(number)).await.unwrap().run_id;
    while run::admit_next(inside).await.unwrap() != Some(run_id) {}
    let run = run::get(inside, &SYSTEM, run_id).await.unwrap();
    let job = StartRunner {
        run_id,
        turn: run.turn,
        fence: run.fence,
    };
    let wanted = run::want_pod(inside, &audience, &job, None).await.unwrap();
    let sign = async |jti| {
        let signed = credential::sign(inside, jti).await.unwrap();
        signed.token.expose_secret().to_owned()
    };
    Turn {
        supervisor: sign(wanted.tokens.supervisor).await,
        agent: sign(wanted.tokens.agent).await,
        run,
    }
}
