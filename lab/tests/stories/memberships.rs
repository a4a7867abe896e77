//! Who is in an organisation at GitHub has a role by a rule, as long as that is so.

use std::time::Duration;

use github_sim::{Effect, Fault};
use orchestrator::actor::Role;
use orchestrator::identity::rule::{self, Grant};
use orchestrator::ports::identity::Group;
use orchestrator::{Actor, identity};
use serde_json::json;

use crate::kit::{World, eventually, within};

/// How long after it happened an event has changed a role, on a machine with other things to do.
const SECONDS: Duration = Duration::from_secs(20);

async fn has_role(world: &World, login: &str) -> bool {
    let ask = json!({"project_id": world.project_id()});
    let listed = world.call("member_list", ask).await;
    let members = listed["members"].as_array().expect("a list").iter();
    members
        .clone()
        .any(|member| member["login"] == login && member["role"] == "reviewer")
}

async fn failed(world: &World) -> bool {
    let mut tx = world
        .orchestrator
        .begin("test.checks")
        .await
        .expect("a transaction");
    let checks = rule::checks(&mut tx).await.expect("checks");
    checks.iter().any(|check| check.failure.is_some())
}

#[tokio::test]
async fn an_event_changes_a_role_within_seconds_and_an_outage_changes_none() {
    let world = World::new().await;
    let mut tx = world
        .orchestrator
        .begin("test.know")
        .await
        .expect("a transaction");
    identity::know(&mut tx, 9007, "sam").await.expect("known");
    tx.commit().await.expect("kept");
    let group = Group {
        org: "acme".into(),
        team: None,
    };
    let grant = Grant::Project(world.project_id(), Role::Reviewer);
    let (system, github) = (Actor::System("test"), &world.lab.github);
    rule::add(&world.orchestrator, &system, group, grant)
        .await
        .expect("a rule");

    github.set_member("acme", None, "sam", true).expect("seeded");
    within(SECONDS, "sam has the role", async || {
        has_role(&world, "sam").await.then_some(())
    })
    .await;

    github.add_fault(Fault {
        method: None,
        path: "/orgs/acme/members".into(),
        count: 20,
        skip: 0,
        effect: Effect::ErrorBefore { status: 502 },
    });
    github.set_member("acme", None, "sam", false).expect("seeded");
    eventually("it is known that nobody could be asked", async || {
        failed(&world).await.then_some(())
    })
    .await;
    assert!(has_role(&world, "sam").await, "an outage takes nothing");

    github.clear_faults();
    github.set_member("acme", None, "vera", true).expect("seeded");
    within(SECONDS, "sam has lost the role", async || {
        (!has_role(&world, "sam").await).then_some(())
    })
    .await;
    world.end().await;
}
