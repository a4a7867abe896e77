//! The operations, one file per part of GitHub's API. A handler reads its input, calls an act, shows the result.

mod app;
mod branches;
mod checks;
mod comments;
mod contents;
mod issues;
mod labels;
mod merge;
mod meta;
mod orgs;
mod pulls;
mod reactions;
mod refs;
mod repositories;
mod reviews;
mod users;

use crate::http::Route;

/// Returns every operation; where two patterns fit a path, the earlier one is meant.
pub(crate) fn routes() -> Vec<Route> {
    [
        app::routes(),
        meta::routes(),
        users::routes(),
        orgs::routes(),
        repositories::routes(),
        branches::routes(),
        contents::routes(),
        refs::routes(),
        labels::routes(),
        comments::routes(),
        reactions::routes(),
        issues::routes(),
        pulls::routes(),
        merge::routes(),
        reviews::routes(),
        checks::routes(),
    ]
    .concat()
}

/// Rights that several operations share: permission of a token, role of a person.
mod need {
    use crate::http::Need;
    use crate::world::{Level, Role};

    pub(super) const METADATA: Need = Need::Repository(&[("metadata", Level::Read)], Role::Read);
    pub(super) const CONTENTS_READ: Need = Need::Repository(&[("contents", Level::Read)], Role::Read);
    pub(super) const CONTENTS_WRITE: Need = Need::Repository(&[("contents", Level::Write)], Role::Write);
    const EITHER_READ: &[(&str, Level)] = &[("issues", Level::Read), ("pull_requests", Level::Read)];
    const EITHER_WRITE: &[(&str, Level)] = &[("issues", Level::Write), ("pull_requests", Level::Write)];
    pub(super) const ISSUES_READ: Need = Need::Repository(EITHER_READ, Role::Read);
    /// Writing text: anyone who may read.
    pub(super) const ISSUES_SPEAK: Need = Need::Repository(EITHER_WRITE, Role::Read);
    /// Sorting: labels, states.
    pub(super) const ISSUES_TRIAGE: Need = Need::Repository(EITHER_WRITE, Role::Triage);
    pub(super) const LABELS_WRITE: Need = Need::Repository(EITHER_WRITE, Role::Write);
    pub(super) const PULLS_READ: Need = Need::Repository(&[("pull_requests", Level::Read)], Role::Read);
    pub(super) const PULLS_SPEAK: Need = Need::Repository(&[("pull_requests", Level::Write)], Role::Read);
    pub(super) const PULLS_WRITE: Need = Need::Repository(&[("pull_requests", Level::Write)], Role::Write);
    pub(super) const CHECKS_READ: Need = Need::Repository(&[("checks", Level::Read)], Role::Read);
    pub(super) const CHECKS_WRITE: Need = Need::Repository(&[("checks", Level::Write)], Role::Admin);
    pub(super) const STATUSES_READ: Need = Need::Repository(
        &[("statuses", Level::Read), ("contents", Level::Read)],
        Role::Read,
    );
    pub(super) const STATUSES_WRITE: Need = Need::Repository(&[("statuses", Level::Write)], Role::Write);
}
