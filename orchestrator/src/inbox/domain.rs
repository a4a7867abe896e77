//! What is worth a person's attention, how soon, and what to do about it. Pure.

use jiff::Timestamp;

use crate::actor::words;
use crate::id::{DeliveryId, ProjectId, RepositoryId, RunId};

/// Items at once, at most.
pub const MAX_ITEMS: u16 = 100;

/// What it is that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A run that the person started failed, and nobody tried again.
    FailedRun,
    /// A model's provider refuses the key that runs of a project work with.
    BrokenCredential,
    /// GitHub does not let the platform into a repository.
    SuspendedRepository,
    /// The person asked for something at GitHub that could not be, and nothing came of it since.
    Conflict,
}

words!(Kind: FailedRun = "failed_run", BrokenCredential = "broken_credential",
    SuspendedRepository = "suspended_repository", Conflict = "conflict");

/// How soon somebody should look; the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Nothing works until somebody does something.
    Now,
    Soon,
    /// Good to know.
    Later,
}

words!(Urgency: Now = "now", Soon = "soon", Later = "later");

/// Where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub repository_id: Option<RepositoryId>,
    /// Owner and name.
    pub repository: Option<String>,
    pub number: Option<i64>,
    /// What the issue is called: other people's text.
    pub title: Option<String>,
    pub run_id: Option<RunId>,
    pub delivery_id: Option<DeliveryId>,
}

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub kind: Kind,
    pub project_id: ProjectId,
    /// The project's short name.
    pub project: String,
    pub place: Place,
    /// Why, as a word to match on.
    pub reason: Option<String>,
    pub sub_reason: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

impl Item {
    pub fn urgency(&self) -> Urgency {
        match (self.kind, self.reason.as_deref()) {
            (Kind::BrokenCredential, _)
            | (Kind::SuspendedRepository, Some("app_removed" | "app_suspended")) => Urgency::Now,
            (Kind::SuspendedRepository, _) => Urgency::Later,
            (Kind::FailedRun | Kind::Conflict, _) => Urgency::Soon,
        }
    }

    /// What a person can do about it.
    pub fn next(&self) -> &'static str {
        match (self.kind, self.reason.as_deref()) {
            (Kind::FailedRun, Some("model_auth")) => {
                "the model's key was refused: an owner of the platform sets it with secret_set; then run_retry"
            }
            (Kind::FailedRun, Some("precondition")) => {
                "run_explain says what was missing; put it right, then run_retry"
            }
            (Kind::FailedRun, _) => "look at run_explain and the log, then run_retry",
            (Kind::BrokenCredential, _) => {
                "an owner of the platform sets the provider's key with secret_set; the next run that succeeds ends this"
            }
            (Kind::SuspendedRepository, Some("app_removed")) => {
                "an administrator of the repository installs the App on it again"
            }
            (Kind::SuspendedRepository, Some("app_suspended")) => {
                "an owner of the organisation takes the App's suspension back at GitHub"
            }
            (Kind::SuspendedRepository, _) => "detach it with repository_detach if it is gone for good",
            (Kind::Conflict, _) => "delivery_explain says what stood in the way; ask again when it is gone",
        }
    }
}

/// Whether a refused key still stands in the way: nothing has succeeded and no key was set since.
pub fn is_broken(refused_at: Timestamp, succeeded_at: Option<Timestamp>, set_at: Option<Timestamp>) -> bool {
    succeeded_at.is_none_or(|at| at < refused_at) && set_at.is_none_or(|at| at < refused_at)
}

/// The most urgent first, then the newest; at most `most`, and whether there were more.
pub fn arrange(mut items: Vec<Item>, most: usize) -> (Vec<Item>, bool) {
    items.sort_by(|a, b| a.urgency().cmp(&b.urgency()).then(b.at.cmp(&a.at)));
    let more = items.len() > most;
    items.truncate(most);
    (items, more)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;

    use super::*;

    fn item(kind: Kind, reason: Option<&str>, minute: i64) -> Item {
        Item {
            kind,
            project_id: ProjectId::new(),
            project: "demo".into(),
            place: Place::default(),
            reason: reason.map(str::to_owned),
            sub_reason: None,
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute),
        }
    }

    #[test]
    fn every_item_says_how_soon_and_what_next() {
        let reasons = [
            (Kind::FailedRun, None),
            (Kind::FailedRun, Some("model_auth")),
            (Kind::FailedRun, Some("precondition")),
            (Kind::BrokenCredential, Some("model_auth")),
            (Kind::SuspendedRepository, Some("app_removed")),
            (Kind::SuspendedRepository, Some("app_suspended")),
            (Kind::SuspendedRepository, Some("repository_archived")),
            (Kind::Conflict, Some("live_run_exists")),
        ];
        let table: Vec<_> = reasons
            .into_iter()
            .map(|(kind, reason)| {
                let it = item(kind, reason, 0);
                format!(
                    "{kind} {} {} | {}",
                    reason.unwrap_or("-"),
                    it.urgency(),
                    it.next()
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[rstest]
    #[case::nothing_since(10, None, None, true)]
    #[case::a_run_succeeded(10, Some(11), None, false)]
    #[case::a_key_was_set(10, None, Some(11), false)]
    #[case::both_before(10, Some(9), Some(9), true)]
    fn a_key_is_broken_until_something_says_otherwise(
        #[case] refused: i64,
        #[case] succeeded: Option<i64>,
        #[case] set: Option<i64>,
        #[case] broken: bool,
    ) {
        let at = |minute| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        assert_eq!(is_broken(at(refused), succeeded.map(at), set.map(at)), broken);
    }

    #[test]
    fn the_urgent_comes_first_and_then_the_new() {
        let items = vec![
            item(Kind::FailedRun, None, 5),
            item(Kind::FailedRun, None, 9),
            item(Kind::BrokenCredential, None, 1),
            item(Kind::SuspendedRepository, Some("repository_deleted"), 20),
        ];
        let order = |most| {
            let (items, more) = arrange(items.clone(), most);
            let minutes = items
                .iter()
                .map(|item| item.at.as_second() / 60)
                .collect::<Vec<_>>();
            (minutes, more)
        };
        assert_eq!(order(10), (vec![1, 9, 5, 20], false));
        assert_eq!(order(2), (vec![1, 9], true));
    }
}
