//! Why somebody may do something, or not, and who could change that: the same decision, told whole.

use super::domain::{Decision, Principal, Rule, Standing, Target, decide, who_may};
use super::matrix::{COLUMNS, rule};
use super::operation::Operation;

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub operation: Operation,
    pub allowed: bool,
    /// What the matrix says of each thing the asker is: `contributor: own`.
    pub rules: Vec<String>,
    /// One sentence.
    pub because: String,
    /// The roles that may without a condition.
    pub who_may: Vec<String>,
    /// The roles that may with one: `maintainer: second_person`.
    pub who_may_sometimes: Vec<String>,
    /// The roles that can give somebody the right.
    pub who_grants: Vec<String>,
    /// It wants a sign-in of the last minutes.
    pub wants_fresh_login: bool,
    /// The asker's own is too old for it now.
    pub needs_sign_in: bool,
}

/// Explains what [`decide`] decides. It says nothing that the asker's standing does not hold.
pub fn explain(standing: &Standing, operation: Operation, target: &Target) -> Explained {
    let decision = decide(standing, operation, target);
    let allowed = matches!(decision, Decision::Allowed(_));
    Explained {
        operation,
        allowed,
        rules: standing
            .principals
            .iter()
            .map(|principal| format!("{principal}: {}", rule(*principal, operation)))
            .collect(),
        because: because(standing, operation, decision),
        who_may: who_may(operation),
        who_may_sometimes: sometimes(operation),
        who_grants: who_grants(operation),
        wants_fresh_login: operation.wants_fresh_login(),
        needs_sign_in: false,
    }
}

fn because(standing: &Standing, operation: Operation, decision: Decision) -> String {
    match decision {
        Decision::Allowed(rule) => format!("{operation} is allowed by the rule {rule}"),
        Decision::Forbidden(why) => why,
        Decision::Invisible if standing.blocked => {
            "a block in this project wins over every grant; who may set members can lift it".into()
        }
        Decision::Invisible if standing.principals.is_empty() => {
            "no role here and none on the platform: what nobody granted is denied".into()
        }
        Decision::Invisible => {
            let are: Vec<_> = standing.principals.iter().map(ToString::to_string).collect();
            format!(
                "as {} one may not even see what {operation} is about",
                are.join(" and ")
            )
        }
    }
}

fn sometimes(operation: Operation) -> Vec<String> {
    COLUMNS
        .into_iter()
        .map(|principal| (principal, rule(principal, operation)))
        .filter(|(_, rule)| matches!(rule, Rule::Own | Rule::See | Rule::SecondPerson | Rule::Ask))
        .map(|(principal, rule)| format!("{principal}: {rule}"))
        .collect()
}

/// A project's role is given by who sets its members; a right that only the platform's roles have, by who invites.
fn who_grants(operation: Operation) -> Vec<String> {
    let in_projects = COLUMNS
        .into_iter()
        .any(|principal| matches!(principal, Principal::Role(_)) && rule(principal, operation) != Rule::No);
    who_may(if in_projects {
        Operation::MemberSet
    } else {
        Operation::UserInvite
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::{PlatformRole, Role};
    use crate::id::{PersonId, ProjectId, RunId};

    fn standing(principals: &[Principal]) -> Standing {
        Standing {
            principals: principals.to_vec(),
            person_id: Some(PersonId::new()),
            ..Standing::default()
        }
    }

    #[test]
    fn every_answer_says_why_and_who() {
        let contributor = standing(&[Principal::Role(Role::Contributor)]);
        let viewer = standing(&[Principal::Role(Role::Viewer)]);
        let operator = standing(&[Principal::Platform(PlatformRole::Operator)]);
        let blocked = Standing {
            blocked: true,
            ..standing(&[Principal::Role(Role::Admin)])
        };
        let others = Target::new(ProjectId::new(), "run", "r").of_run(RunId::new(), Some(PersonId::new()));
        let own = Target {
            started_by: contributor.person_id,
            ..others.clone()
        };
        let cases = [
            ("own run", &contributor, Operation::RunCancel, &own),
            ("somebody else's run", &contributor, Operation::RunCancel, &others),
            ("too little a role", &viewer, Operation::RunStart, &others),
            ("not to be seen", &operator, Operation::IssueWrite, &others),
            ("the platform", &viewer, Operation::SettingSet, &others),
            ("blocked", &blocked, Operation::MemberSet, &others),
            ("nobody", &Standing::default(), Operation::RunRead, &others),
        ];
        let told: Vec<_> = cases
            .into_iter()
            .map(|(name, standing, operation, target)| {
                format!("{name}: {:#?}", explain(standing, operation, target))
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn it_never_says_otherwise_than_the_decision() {
        let target = Target::new(ProjectId::new(), "project", "p");
        for principal in COLUMNS {
            let standing = standing(&[principal]);
            for operation in Operation::ALL {
                let decided = matches!(decide(&standing, *operation, &target), Decision::Allowed(_));
                assert_eq!(
                    explain(&standing, *operation, &target).allowed,
                    decided,
                    "{principal} {operation}"
                );
            }
        }
    }
}
