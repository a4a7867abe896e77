//! The matrix: role × operation → rule. The only source of every check, list and table.

use super::domain::{Operation, Principal, Rule};
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
const A: Rule = Rule::Ask;
const N: Rule = Rule::No;

/// One row per operation, in the order of [`Operation::ALL`]; columns as in [`COLUMNS`].
pub const MATRIX: [(Operation, [Rule; 10]); Operation::ALL.len()] = [
    //                                 vi ct rv ma ad op au ow ag sv
    (
        Operation::RunRead,
        /*         */ [Y, Y, Y, Y, Y, Y, Y, Y, O, N],
    ),
    (
        Operation::RunLogRead,
        /*      */ [Y, Y, Y, Y, Y, N, Y, Y, O, N],
    ),
    (
        Operation::RunPromptRead,
        /*   */ [N, Y, Y, Y, Y, N, Y, Y, O, N],
    ),
    (
        Operation::RunStart,
        /*        */ [N, Y, N, Y, Y, N, N, Y, A, N],
    ),
    (
        Operation::RunStartElevated,
        /**/ [N, A, N, Y, Y, N, N, Y, A, N],
    ),
    (
        Operation::RunCancel,
        /*       */ [N, O, Y, Y, Y, Y, N, Y, O, N],
    ),
    (
        Operation::RunRetry,
        /*        */ [N, O, N, Y, Y, N, N, Y, N, N],
    ),
    (
        Operation::WaitRead,
        /*        */ [Y, Y, Y, Y, Y, Y, Y, Y, O, N],
    ),
    (
        Operation::QuestionAnswer,
        /*  */ [N, O, Y, Y, Y, N, N, Y, N, N],
    ),
    (
        Operation::EffectRead,
        /*      */ [Y, Y, Y, Y, Y, N, Y, Y, O, O],
    ),
    (
        Operation::RepositoryRead,
        /*  */ [Y, Y, Y, Y, Y, Y, Y, Y, O, N],
    ),
    (Operation::RepositoryAttach, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::RepositoryUpdate, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::RepositoryDetach, [N, N, N, Y, Y, N, N, Y, N, N]),
    (Operation::RepositoryPreflight, [N, N, N, Y, Y, N, N, Y, N, N]),
    (
        Operation::SlotRead,
        /*        */ [N, N, N, S, S, Y, S, Y, N, N],
    ),
    (
        Operation::DeliveryRead,
        /*    */ [N, N, N, Y, Y, Y, Y, Y, N, N],
    ),
    (Operation::DeliveryPayloadRead, [N, N, N, Y, Y, N, Y, Y, N, N]),
    (
        Operation::DeliveryReplay,
        /*  */ [N, N, N, Y, Y, Y, N, Y, N, N],
    ),
    (
        Operation::IssueRead,
        /*       */ [Y, Y, Y, Y, Y, N, Y, Y, O, N],
    ),
    (
        Operation::IssueWrite,
        /*      */ [N, Y, Y, Y, Y, N, N, Y, O, N],
    ),
    (
        Operation::PullRequestRead,
        /* */ [Y, Y, Y, Y, Y, N, Y, Y, O, O],
    ),
    (
        Operation::PullRequestOpen,
        /* */ [N, Y, N, Y, Y, N, N, Y, O, O],
    ),
    (
        Operation::PrincipalRead,
        /*   */ [Y, Y, Y, Y, Y, Y, Y, Y, Y, Y],
    ),
    (
        Operation::SupervisorTurn,
        /*  */ [N, N, N, N, N, N, N, N, N, O],
    ),
    (
        Operation::AgentTurn,
        /*       */ [N, N, N, N, N, N, N, N, O, N],
    ),
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
