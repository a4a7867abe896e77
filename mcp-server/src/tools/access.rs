//! Why somebody may do something, or not.

use contract::access::{AccessExplain, AccessExplanation};
use orchestrator::project::access::{self, Explained, Operation, Target};
use orchestrator::{Error, Result, run};

use super::STAFF;
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Explain>()
}

struct Explain;

impl Tool for Explain {
    const NAME: &'static str = "access_explain";
    const TITLE: &'static str = "Explain a right";
    const ABOUT: &'static str = "Says whether the caller, or with person_id somebody else, may do an operation in a project or on a run, by which \
         rule, who may, and who can grant it. Use it after a forbidden, or before asking somebody. About others it needs \
         the right to see the project's members. It changes nothing and asks nobody.";
    const OPERATION: Operation = Operation::AccessExplain;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = AccessExplain;
    type Answer = AccessExplanation;

    async fn call(call: &Call<'_>, ask: AccessExplain) -> Result<AccessExplanation> {
        let operation = Operation::parse(ask.operation.as_str()).ok_or_else(|| {
            Error::Invalid("operation: none of the table of rights; principal_get lists yours".into())
        })?;
        let target = match (ask.project_id, ask.run_id) {
            (Some(_), Some(_)) => {
                return Err(Error::Invalid("run_id: give it or project_id, not both".into()));
            }
            (Some(id), None) => Some(Target::new(id.into(), "project", id)),
            (None, Some(id)) => {
                let run = run::get(call.orchestrator, call.actor, id.into()).await?;
                Some(Target::new(run.project_id, "run", run.run_id).of_run(run.run_id, run.started_by))
            }
            (None, None) => None,
        };
        let who = ask.person_id.map(Into::into);
        let mut tx = call.orchestrator.look("tool.explain").await?;
        Ok(show(
            access::explain_to(&mut tx, call.actor, who, operation, target.as_ref()).await?,
        ))
    }
}

fn show(explained: Explained) -> AccessExplanation {
    AccessExplanation {
        operation: explained.operation.to_string(),
        allowed: explained.allowed,
        because: explained.because,
        rules: explained.rules,
        who_may: explained.who_may,
        who_may_sometimes: explained.who_may_sometimes,
        who_grants: explained.who_grants,
        wants_fresh_login: explained.wants_fresh_login,
        needs_sign_in: explained.needs_sign_in,
    }
}
