//! The matrix: role × operation → rule. The only source of every check, list and table.

use super::domain::{Principal, Rule};
use super::operation::Operation;
use crate::actor::{PlatformRole, Role};

/// The principals, in the order of the matrix's columns.
pub const COLUMNS: [Principal; 10] = [
    Principal::Role(Role::Viewer),
    Principal::Role(Role::Contributor),
    Principal::Role(Role::Reviewer),
    Principal::Role(Role::Maintainer),
    Principal::Role(Role::Admin),
    Principal::Platform(PlatformRole::Operator),
    Principal::Platform(PlatformRole::Auditor),
    Principal::Platform(PlatformRole::Owner),
    Principal::AgentRun,
    Principal::SupervisorRun,
];

const Y: Rule = Rule::Yes;
const O: Rule = Rule::Own;
const S: Rule = Rule::See;
const T: Rule = Rule::SecondPerson;
const A: Rule = Rule::Ask;
const N: Rule = Rule::No;

/// One row per operation, in the order of [`Operation::ALL`]; columns as in [`COLUMNS`].
pub const MATRIX: [(Operation, [Rule; 10]); Operation::ALL.len()] = [
    // vi ct rv ma ad op au ow ag sv
    (Operation::RunRead, [Y, Y, Y, Y, Y, Y, Y, Y, O, N]),
    (Operation::RunLogRead, [Y, Y, Y, Y, Y, N, Y, Y, O, N]),
    (Operation::RunPromptRead, [N, Y, Y, Y, Y, N, Y, Y, O, N]),
    (Operation::RunStart, [N, Y, N, Y, Y, N, N, Y, A, N]),
    (Operation::RunStartElevated, [N, A, N, Y, Y, N, N, Y, A, N]),
    (Operation::RunCancel, [N, O, Y, Y, Y, Y, N, Y, O, N]),
    (Operation::RunRetry, [N, O, N, Y, Y, N, N, Y, N, N]),
    (Operation::RunLimitRaise, [N, N, N, Y, Y, N, N, Y, A, N]),
    (Operation::WaitRead, [Y, Y, Y, Y, Y, Y, Y, Y, O, N]),
    (Operation::QuestionAnswer, [N, O, Y, Y, Y, N, N, Y, N, N]),
    (Operation::EffectRead, [Y, Y, Y, Y, Y, N, Y, Y, O, O]),
    (Operation::RepositoryRead, [Y, Y, Y, Y, Y, Y, Y, Y, O, N]),
    (Operation::RepositoryAttach, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::RepositoryUpdate, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::RepositoryDetach, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::RepositoryPreflight, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::SlotRead, [N, N, N, S, S, Y, S, Y, N, N]),
    (Operation::SlotRelease, [N, N, N, N, N, Y, N, Y, N, N]),
    (Operation::SlotExtend, [N, N, N, N, N, Y, N, Y, N, N]),
    (Operation::SlotLimitSet, [N, N, N, N, N, Y, N, Y, N, N]),
    (Operation::EnvironmentRead, [N, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::EnvironmentLogRead, [N, Y, Y, Y, Y, N, Y, Y, N, N]),
    (Operation::EnvironmentDelete, [N, N, N, Y, Y, Y, N, Y, N, N]),
    (Operation::DeliveryRead, [N, N, N, Y, Y, Y, Y, Y, N, N]),
    (Operation::DeliveryPayloadRead, [N, N, N, Y, Y, N, Y, Y, N, N]),
    (Operation::DeliveryReplay, [N, N, N, Y, Y, Y, N, Y, N, N]),
    (Operation::IssueRead, [Y, Y, Y, Y, Y, N, Y, Y, O, N]),
    (Operation::IssueWrite, [N, Y, Y, Y, Y, N, N, Y, O, N]),
    (Operation::IssueCreate, [N, Y, Y, Y, Y, N, N, Y, O, N]),
    (Operation::PullRequestRead, [Y, Y, Y, Y, Y, N, Y, Y, O, O]),
    (Operation::PullRequestOpen, [N, Y, N, Y, Y, N, N, Y, O, O]),
    (Operation::KnowledgeRead, [Y, Y, Y, Y, Y, N, Y, Y, O, N]),
    (Operation::KnowledgeReindex, [N, N, N, Y, Y, Y, N, Y, N, N]),
    (Operation::KnowledgeSet, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::KnowledgeConsent, [N, N, N, N, Y, N, N, N, N, N]),
    (Operation::AgentRead, [Y, Y, Y, Y, Y, N, Y, Y, N, N]),
    (Operation::AgentDraft, [N, Y, Y, Y, Y, N, N, Y, N, N]),
    (Operation::AgentPublish, [N, N, N, T, Y, N, N, Y, N, N]),
    (Operation::PromptRead, [N, Y, Y, Y, Y, N, Y, Y, N, N]),
    (Operation::PromptDraft, [N, Y, Y, Y, Y, N, N, Y, N, N]),
    (Operation::PromptPublish, [N, N, N, T, Y, N, N, Y, N, N]),
    (Operation::ModelRead, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::ModelSet, [N, N, N, N, N, N, N, Y, N, N]),
    (Operation::TriggerRead, [Y, Y, Y, Y, Y, N, Y, Y, N, N]),
    (Operation::TriggerSet, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::TriggerTest, [N, Y, Y, Y, Y, N, Y, Y, N, N]),
    (Operation::ProjectRead, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::ProjectCreate, [N, N, N, N, N, N, N, Y, N, N]),
    (Operation::ProjectUpdate, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::ProjectLimitSet, [N, N, N, N, Y, N, N, Y, N, N]),
    (Operation::ProjectPause, [N, N, N, N, Y, Y, N, Y, N, N]),
    (Operation::ProjectDelete, [N, N, N, N, A, N, N, Y, N, N]),
    (Operation::StatsRead, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::MemberRead, [N, S, S, S, Y, N, S, Y, N, N]),
    (Operation::MemberSet, [N, N, N, N, Y, N, N, Y, N, N]),
    (Operation::SecretRead, [N, N, N, Y, Y, Y, Y, Y, N, N]),
    (Operation::SecretSet, [N, N, N, N, Y, N, N, Y, N, N]),
    (Operation::ServiceTokenRead, [N, N, N, Y, Y, N, Y, Y, N, N]),
    (Operation::ServiceTokenSet, [N, N, N, N, Y, N, N, Y, N, N]),
    (Operation::TokenRead, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::TokenCreate, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::TokenRevoke, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::SessionRead, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::SessionRevoke, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::InboxRead, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::AuditReadOwn, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::AuditRead, [N, N, N, Y, Y, N, Y, Y, N, N]),
    (Operation::AuditVerify, [N, N, N, Y, Y, N, Y, Y, N, N]),
    (Operation::UserRead, [N, N, N, N, N, N, S, Y, N, N]),
    (Operation::UserInvite, [N, N, N, N, N, N, N, Y, N, N]),
    (Operation::UserDisable, [N, N, N, N, N, N, N, Y, N, N]),
    (Operation::SettingRead, [N, N, N, N, N, N, S, Y, N, N]),
    (Operation::SettingSet, [N, N, N, N, N, N, N, Y, N, N]),
    (Operation::WorkerRead, [N, N, N, N, N, Y, S, Y, N, N]),
    (Operation::JobRead, [N, N, N, N, N, Y, S, Y, N, N]),
    (Operation::JobRetry, [N, N, N, N, N, Y, N, Y, N, N]),
    (Operation::PlatformPause, [N, N, N, N, N, Y, N, Y, N, N]),
    (Operation::AccessExplain, [Y, Y, Y, Y, Y, Y, Y, Y, N, N]),
    (Operation::PrincipalRead, [Y, Y, Y, Y, Y, Y, Y, Y, Y, Y]),
    (Operation::SupervisorTurn, [N, N, N, N, N, N, N, N, N, O]),
    (Operation::AgentTurn, [N, N, N, N, N, N, N, N, O, N]),
];

/// Looks the rule up; what the matrix does not name is denied.
pub fn rule(principal: Principal, operation: Operation) -> Rule {
    let column = COLUMNS.iter().position(|known| *known == principal);
    let row = MATRIX.iter().find(|(known, _)| *known == operation);
    match (column, row) {
        (Some(column), Some((_, rules))) => rules[column],
        _ => Rule::No,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn every_operation_has_its_row() {
        let rows: Vec<_> = MATRIX.iter().map(|(operation, _)| *operation).collect();
        assert_eq!(rows, Operation::ALL);
    }

    #[test]
    fn the_matrix() {
        let mut table = format!("{:<23}", "");
        for principal in COLUMNS {
            write!(table, "{principal:<12}").unwrap();
        }
        for (operation, rules) in MATRIX {
            write!(table, "\n{operation:<23}").unwrap();
            for rule in rules {
                write!(table, "{rule:<12}").unwrap();
            }
        }
        let lines: Vec<_> = table.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
