//! Who calls.

use contract::principal::{PrincipalGet, PrincipalKind, PrincipalView};
use orchestrator::actor::Actor;
use orchestrator::project::access::{self, Operation};
use orchestrator::{Error, Result};

use super::STAFF;
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Get>()
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "principal_get";
    const TITLE: &'static str = "Who am I";
    const ABOUT: &'static str = "Shows who the caller is to the platform: kind, name, project and role, and all \
         operations it may do somewhere. Use it when something is forbidden or a tool is missing.";
    const OPERATION: Operation = Operation::PrincipalRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = PrincipalGet;
    type Answer = PrincipalView;

    async fn call(call: &Call<'_>, _ask: PrincipalGet) -> Result<PrincipalView> {
        let mut tx = call.orchestrator.look("principal.get").await?;
        let operations = access::operations(&mut tx, call.actor).await?;
        let mut operations: Vec<_> = operations.iter().map(|operation| operation.to_string()).collect();
        operations.sort_unstable();
        show(call.actor, operations)
    }
}

fn show(actor: &Actor, operations: Vec<String>) -> Result<PrincipalView> {
    let id = actor.id();
    match actor {
        Actor::Person {
            login, platform_role, ..
        } => Ok(PrincipalView {
            kind: PrincipalKind::Person,
            id,
            name: login.clone(),
            platform_role: platform_role.map(|role| role.to_string()),
            project_id: None,
            role: None,
            operations,
        }),
        Actor::Service {
            name,
            project_id,
            role,
            ..
        } => Ok(PrincipalView {
            kind: PrincipalKind::Service,
            id,
            name: name.clone(),
            platform_role: None,
            project_id: Some(project_id.uuid()),
            role: Some(role.to_string()),
            operations,
        }),
        Actor::Platform { name, role, .. } => Ok(PrincipalView {
            kind: PrincipalKind::Service,
            id,
            name: name.clone(),
            platform_role: Some(role.to_string()),
            project_id: None,
            role: None,
            operations,
        }),
        Actor::Run(_) | Actor::System(_) => Err(Error::Forbidden("only staff ask who they are".into())),
    }
}
