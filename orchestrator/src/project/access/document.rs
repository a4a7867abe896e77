//! The matrix as a page for people: `docs/access.md` is this text.

use std::fmt::Write;

use super::domain::Rule;
use super::matrix::MATRIX;

const HEAD: &str = "# Who may do what

<!-- Made by `make access` out of `orchestrator/src/project/access/matrix.rs`; a test compares. Change that, not this. -->

One constant decides every call, in the transaction of the act: `orchestrator/src/project/access/matrix.rs`. What it does not
allow is denied. Several roles of one person add up; a person blocked in a project has none there; a disabled one has none
anywhere. What you may not see answers `not_found`, byte for byte like what is not there. `access_explain` says of any row
why somebody may or may not, and who can change it.

The first five columns are roles in a project: **vi**ewer, **ct** contributor, **rv** reviewer, **ma**intainer, **ad**min. The
next three are roles on the platform and count in every project: **op**erator, **au**ditor, **ow**ner. The last two are the
sides of a runner's pod: **ag**ent and **sv** supervisor; an agent has never more than who started its run has now.

| sign | what it means |
|---|---|
| `yes` | may |
| `own` | may on runs one started; an agent on its own run |
| `see` | may look and not change |
| `2nd` | may, but not on what one caused oneself: it takes a second person, and a program is none |
| `ask` | only with another person's approval |
| empty | may not |

† wants a sign-in of the last 15 minutes, of a browser's session and of a client's grant; refreshing makes neither younger. The
refusal is `forbidden` with the hint `sign_in`. Personal and programs' tokens are no sign-ins.

| operation | what it is | vi | ct | rv | ma | ad | op | au | ow | ag | sv |
|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// Writes the page.
///
/// # Panics
///
/// Never: text takes all that is written.
#[must_use]
pub fn document() -> String {
    let mut page = HEAD.to_owned();
    for (operation, rules) in MATRIX {
        let fresh = if operation.wants_fresh_login() { " †" } else { "" };
        write!(page, "| `{operation}`{fresh} | {} |", operation.about()).expect("text");
        for rule in rules {
            match sign(rule) {
                "" => page.push_str(" |"),
                sign => write!(page, " {sign} |").expect("text"),
            }
        }
        page.push('\n');
    }
    page
}

fn sign(rule: Rule) -> &'static str {
    match rule {
        Rule::Yes => "yes",
        Rule::Own => "own",
        Rule::See => "see",
        Rule::SecondPerson => "2nd",
        Rule::Ask => "ask",
        Rule::No => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::access::COLUMNS;

    #[test]
    fn the_page_in_docs_is_what_the_matrix_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/access.md");
        let there = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            there == document(),
            "docs/access.md is not what the matrix says: run `make access`"
        );
    }

    #[test]
    fn a_row_has_as_many_cells_as_the_head() {
        let page = document();
        let cells = |line: &str| line.matches('|').count();
        let rows: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("| `") && cells(line) > 5)
            .collect();
        assert_eq!(rows.len(), MATRIX.len());
        assert!(rows.iter().all(|row| cells(row) == COLUMNS.len() + 3));
    }
}
