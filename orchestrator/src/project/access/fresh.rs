//! Acts that want a sign-in of a moment ago: a browser left open, or a client let in long ago, is not enough for them.

use jiff::{SignedDuration, Timestamp};

use super::operation::Operation;

/// How young a sign-in must be for a sensitive act.
pub const FRESH_LOGIN: SignedDuration = SignedDuration::from_mins(15);

/// Whether the sign-in behind a call is young enough for the operation. None stands for a call with no sign-in behind it: a
/// personal or a program's token may what it was made for, and the platform itself signs in nowhere.
pub fn is_fresh(operation: Operation, signed_in_at: Option<Timestamp>, now: Timestamp) -> bool {
    let young = |at: Timestamp| now.duration_since(at) < FRESH_LOGIN;
    !operation.wants_fresh_login() || signed_in_at.is_none_or(young)
}

/// What somebody is told whose sign-in is too old.
#[cfg(feature = "postgres")]
pub(super) fn refusal(operation: Operation) -> String {
    let minutes = FRESH_LOGIN.as_mins();
    format!("{operation} wants a sign-in of the last {minutes} minutes: sign in again, and repeat the call")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_acts_that_want_a_fresh_login() {
        let wanting: Vec<_> = Operation::ALL
            .iter()
            .filter(|operation| operation.wants_fresh_login())
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            wanting,
            [
                "project_delete",
                "member_set",
                "secret_set",
                "token_create",
                "user_invite",
                "user_disable"
            ]
        );
    }

    #[test]
    fn a_login_is_fresh_for_a_quarter_of_an_hour() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24);
        let cases = [
            (Operation::SecretSet, Some(0), true),
            (Operation::SecretSet, Some(899), true),
            (Operation::SecretSet, Some(900), false),
            (Operation::SecretSet, Some(86_400), false),
            (Operation::SecretSet, None, true),
            (Operation::RunCancel, Some(86_400), true),
        ];
        for (operation, age, fresh) in cases {
            let signed_in_at = age.map(|seconds| now - SignedDuration::from_secs(seconds));
            assert_eq!(
                is_fresh(operation, signed_in_at, now),
                fresh,
                "{operation} {age:?}"
            );
        }
    }
}
