//! Versions of profiles and prompts: each save is one more, first a draft, and published it stays as it is.

use jiff::Timestamp;

use crate::id::PersonId;

/// Where a version stands, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Starts at 1; drafts count like published ones.
    pub number: i32,
    /// `person:octocat`.
    pub written_by: String,
    /// The person among writers.
    pub writer_id: Option<PersonId>,
    pub written_at: Timestamp,
    /// None: a draft.
    pub published: Option<Published>,
}

/// Who let a version count, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub by: String,
    pub at: Timestamp,
}

/// A profile or a prompt together with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    pub of: T,
    pub version: Version,
}

/// Somebody saved another version meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

/// The number of the version after the newest, if the change was made on that one; none stands for no version at all.
pub fn next(newest: Option<i32>, made_on: Option<i32>) -> Result<i32, Stale> {
    if newest == made_on {
        Ok(newest.unwrap_or_default() + 1)
    } else {
        Err(Stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::the_first(None, None, Ok(1))]
    #[case::the_next(Some(3), Some(3), Ok(4))]
    #[case::somebody_was_faster(Some(4), Some(3), Err(Stale))]
    #[case::made_on_what_was_not_seen(Some(1), None, Err(Stale))]
    #[case::made_on_what_is_not_there(None, Some(1), Err(Stale))]
    fn a_change_follows_the_version_it_was_made_on(
        #[case] newest: Option<i32>,
        #[case] made_on: Option<i32>,
        #[case] expected: Result<i32, Stale>,
    ) {
        assert_eq!(next(newest, made_on), expected);
    }
}
