//! The decision itself, out of what an actor is and what it asks for.

use std::fmt;

use super::matrix::{COLUMNS, rule};
use super::operation::Operation;
use crate::actor::{PlatformRole, Role, words};
use crate::id::{PersonId, ProjectId, RunId};

/// What the matrix says of one principal and one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    Yes,
    /// On runs it started; for an agent, on its own run.
    Own,
    /// May look, not change.
    See,
    /// Yes, but not on a run it started or a draft it wrote.
    SecondPerson,
    /// Only with another person's approval.
    Ask,
    No,
}

words!(Rule: Yes = "yes", Own = "own", See = "see", SecondPerson = "second_person", Ask = "ask", No = "-");

/// What an actor is in a project: one column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    Role(Role),
    Platform(PlatformRole),
    AgentRun,
    SupervisorRun,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Role(role) => role.as_str(),
            Self::Platform(role) => role.as_str(),
            Self::AgentRun => "agent",
            Self::SupervisorRun => "supervisor",
        })
    }
}

/// The object an operation is about.
#[derive(Clone, Debug)]
pub struct Target {
    pub project_id: ProjectId,
    /// The kind, in a person's words: `run`, `delivery`.
    pub what: &'static str,
    pub id: String,
    /// The run it belongs to. An agent's rights end at its own run.
    pub run_id: Option<RunId>,
    /// Who started that run, or wrote the draft that is to be published.
    pub started_by: Option<PersonId>,
}

impl Target {
    /// An object that belongs to no run.
    pub fn new(project_id: ProjectId, what: &'static str, id: impl fmt::Display) -> Self {
        Self {
            project_id,
            what,
            id: id.to_string(),
            run_id: None,
            started_by: None,
        }
    }

    /// The same object as part of a run.
    #[must_use]
    pub fn of_run(self, run_id: RunId, started_by: Option<PersonId>) -> Self {
        Self {
            run_id: Some(run_id),
            started_by,
            ..self
        }
    }
}

/// What an actor is in the target's project, as the transaction found it.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub principals: Vec<Principal>,
    pub person_id: Option<PersonId>,
    pub run_id: Option<RunId>,
    /// Somebody blocked the person here: no grant counts.
    pub blocked: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The rule that allows it, for the audit.
    Allowed(String),
    /// The text says which role may.
    Forbidden(String),
    /// Answered like a missing object.
    Invisible,
}

/// Decides. Several principals of one person add up; what none of them allows is denied, and a block wins over all.
pub fn decide(standing: &Standing, operation: Operation, target: &Target) -> Decision {
    if standing.blocked {
        return Decision::Invisible;
    }
    if let Some((principal, rule)) = allowing(standing, operation, target) {
        return Decision::Allowed(format!("{principal}: {rule}"));
    }
    if allowing(standing, operation.shown_by(), target).is_some() {
        return Decision::Forbidden(refusal(standing, operation));
    }
    Decision::Invisible
}

pub(super) fn allowing(
    standing: &Standing,
    operation: Operation,
    target: &Target,
) -> Option<(Principal, Rule)> {
    let rules = standing
        .principals
        .iter()
        .map(|principal| (*principal, rule(*principal, operation)));
    rules
        .into_iter()
        .find(|(principal, rule)| holds(*principal, *rule, standing, target))
}

fn holds(principal: Principal, rule: Rule, standing: &Standing, target: &Target) -> bool {
    let started_it = standing.person_id.is_some() && standing.person_id == target.started_by;
    match (rule, principal) {
        (Rule::Yes | Rule::See, _) => true,
        (Rule::Own, Principal::AgentRun | Principal::SupervisorRun) => {
            standing.run_id.is_some() && standing.run_id == target.run_id
        }
        (Rule::Own, _) => started_it,
        (Rule::SecondPerson, _) => standing.person_id.is_some() && !started_it,
        (Rule::Ask | Rule::No, _) => false,
    }
}

fn refusal(standing: &Standing, operation: Operation) -> String {
    let rules: Vec<_> = standing.principals.iter().map(|p| rule(*p, operation)).collect();
    let why = if rules.contains(&Rule::Own) {
        format!("you may do {operation} only on runs you started")
    } else if rules.contains(&Rule::SecondPerson) {
        format!("{operation} needs a second person, and this is your own")
    } else if rules.contains(&Rule::Ask) {
        format!("{operation} needs a person's approval")
    } else {
        let are: Vec<_> = standing.principals.iter().map(ToString::to_string).collect();
        format!("as {} you may not do {operation}", are.join(" and "))
    };
    format!("{why}; ask somebody who may: {}", who_may(operation).join(", "))
}

/// The roles whose rule is a plain yes.
pub fn who_may(operation: Operation) -> Vec<String> {
    COLUMNS
        .into_iter()
        .filter(|principal| rule(*principal, operation) == Rule::Yes)
        .map(|principal| principal.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(principal: Principal) -> Standing {
        Standing {
            principals: vec![principal],
            person_id: Some(PersonId::new()),
            ..Standing::default()
        }
    }

    fn run_of(started_by: Option<PersonId>) -> Target {
        Target::new(ProjectId::new(), "run", "r").of_run(RunId::new(), started_by)
    }

    #[test]
    fn own_means_started_by_the_asker() {
        let contributor = standing(Principal::Role(Role::Contributor));
        let own = run_of(contributor.person_id);
        let others = run_of(Some(PersonId::new()));
        let nobodys = run_of(None);
        assert!(matches!(
            decide(&contributor, Operation::RunCancel, &own),
            Decision::Allowed(_)
        ));
        for foreign in [others, nobodys] {
            assert_eq!(
                decide(&contributor, Operation::RunCancel, &foreign),
                Decision::Forbidden(
                    "you may do run_cancel only on runs you started; ask somebody who may: reviewer, maintainer, \
                     admin, operator, owner"
                        .into()
                )
            );
        }
    }

    #[test]
    fn an_agents_rights_end_at_its_own_run() {
        let run_id = RunId::new();
        let agent = Standing {
            principals: vec![Principal::AgentRun],
            run_id: Some(run_id),
            ..Standing::default()
        };
        let target = Target::new(ProjectId::new(), "issue", 1);
        assert_eq!(decide(&agent, Operation::IssueRead, &target), Decision::Invisible);
        let own = target.clone().of_run(run_id, None);
        assert!(matches!(
            decide(&agent, Operation::IssueRead, &own),
            Decision::Allowed(_)
        ));
        let foreign = target.of_run(RunId::new(), None);
        assert_eq!(
            decide(&agent, Operation::IssueRead, &foreign),
            Decision::Invisible
        );
        assert!(matches!(
            decide(&agent, Operation::RunRetry, &own),
            Decision::Forbidden(_)
        ));
    }

    #[test]
    fn a_stranger_sees_nothing() {
        for operation in Operation::ALL {
            let decision = decide(&Standing::default(), *operation, &run_of(None));
            assert_eq!(decision, Decision::Invisible, "{operation}");
        }
    }

    #[test]
    fn a_block_wins_over_every_grant() {
        for principal in COLUMNS {
            let mut blocked = standing(principal);
            blocked.blocked = true;
            let own = run_of(blocked.person_id);
            for operation in Operation::ALL {
                assert_eq!(
                    decide(&blocked, *operation, &own),
                    Decision::Invisible,
                    "{principal} {operation}"
                );
            }
        }
    }

    #[test]
    fn a_second_person_is_another_person() {
        let maintainer = standing(Principal::Role(Role::Maintainer));
        let (own, others) = (run_of(maintainer.person_id), run_of(Some(PersonId::new())));
        let publish = |who: &Standing, target| decide(who, Operation::PromptPublish, target);
        assert!(matches!(publish(&maintainer, &others), Decision::Allowed(_)));
        assert!(
            matches!(publish(&maintainer, &own), Decision::Forbidden(why) if why.contains("second person"))
        );
        let program = Standing {
            person_id: None,
            ..maintainer
        };
        assert!(
            matches!(publish(&program, &others), Decision::Forbidden(_)),
            "a program is no person"
        );
    }

    #[test]
    fn two_hats_add_up() {
        let mut both = standing(Principal::Platform(PlatformRole::Auditor));
        let target = run_of(None);
        assert!(matches!(
            decide(&both, Operation::RunStart, &target),
            Decision::Forbidden(_)
        ));
        both.principals.push(Principal::Role(Role::Contributor));
        assert_eq!(
            decide(&both, Operation::RunStart, &target),
            Decision::Allowed("contributor: yes".into())
        );
    }
}
