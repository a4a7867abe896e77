//! What a token says, and for how long.

use std::fmt;

use jiff::SignedDuration;
#[cfg(any(feature = "postgres", test))]
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Run tokens live at most this long; the runner refreshes them at half-life.
pub const RUN_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(60);
/// A supervisor token may still be exchanged this long after it expired, while its turn lives.
pub const REFRESH_GRACE: SignedDuration = SignedDuration::from_hours(2);
/// Who signs.
pub const ISSUER: &str = "codex-k8s";

/// The claims of an access token (RFC 9068, `at+jwt`): all that one of ours says, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    /// Whom the token speaks for: `run:<id>`, `service:<name>` or `person:<id>`.
    pub sub: String,
    pub aud: String,
    pub jti: Uuid,
    /// Seconds since the epoch.
    pub iat: i64,
    pub exp: i64,
    /// Of a token that a person granted: to which client, and with which scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// The groups of tools a token can be narrowed to.
pub const TOOLSETS: [&str; 8] = [
    "access",
    "agents",
    "knowledge",
    "operations",
    "repositories",
    "runs",
    "slots",
    "turn",
];

/// What a token takes away from its bearer. The default takes nothing away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// These of [`TOOLSETS`] alone.
    pub toolsets: Option<Vec<String>>,
    /// Tools that change nothing.
    pub read_only: bool,
    /// No text of people without write permission.
    pub lockdown: bool,
}

/// Fails for a toolset that does not exist.
#[cfg(feature = "postgres")]
pub(super) fn check_toolsets(narrowing: &Narrowing) -> crate::Result<()> {
    let unknown = |word: &&String| !TOOLSETS.contains(&word.as_str());
    match narrowing.toolsets.iter().flatten().find(unknown) {
        None => Ok(()),
        Some(word) => {
            let known = TOOLSETS.join(", ");
            Err(crate::Error::Invalid(format!(
                "there is no toolset {word:?}; there are {known}"
            )))
        }
    }
}

/// What a token may take away that is made with another one: what that one has taken away already, and what is asked for.
///
/// # Errors
///
/// What it asks for that the other one may not use itself.
#[cfg(any(feature = "postgres", test))]
pub(super) fn narrower(maker: &Narrowing, asked: Narrowing) -> Result<Narrowing, String> {
    let toolsets = match (&maker.toolsets, asked.toolsets) {
        (None, asked) => asked,
        (Some(may), None) => Some(may.clone()),
        (Some(may), Some(asked)) => {
            if let Some(word) = asked.iter().find(|word| !may.contains(word)) {
                return Err(format!(
                    "the token this is asked with may not use the toolset {word} itself; it has {}",
                    may.join(", ")
                ));
            }
            Some(asked)
        }
    };
    Ok(Narrowing {
        toolsets,
        read_only: maker.read_only || asked.read_only,
        lockdown: maker.lockdown || asked.lockdown,
    })
}

/// For which call a token is shown: two calls forgive what all others refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leniency {
    None,
    /// `run_token_refresh`: a supervisor token expired for up to [`REFRESH_GRACE`].
    Refresh,
    /// `run_finish`: a supervisor token revoked because its turn ended, so that a repeat hears the first result.
    Finish,
}

/// What is wrong with a token, once its signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    Expired,
    Revoked,
}

/// What its bearer is told: whether to get a new token or to stop.
impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the token has expired; get a new one",
            Self::Revoked => "the token was revoked; stop using it",
        })
    }
}

/// Decides whether a token counts now.
#[cfg(any(feature = "postgres", test))]
pub(super) fn check(
    leniency: Leniency,
    is_supervisor: bool,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), TokenFault> {
    let forgive_revoked = is_supervisor && leniency == Leniency::Finish;
    if revoked_at.is_some() && !forgive_revoked {
        return Err(TokenFault::Revoked);
    }
    let grace = if is_supervisor && leniency == Leniency::Refresh {
        REFRESH_GRACE
    } else {
        SignedDuration::ZERO
    };
    if now >= expires_at + grace {
        Err(TokenFault::Expired)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn narrowing(toolsets: Option<&[&str]>, read_only: bool, lockdown: bool) -> Narrowing {
        Narrowing {
            toolsets: toolsets.map(|words| words.iter().map(|word| (*word).to_owned()).collect()),
            read_only,
            lockdown,
        }
    }

    #[test]
    fn what_a_token_makes_is_never_wider_than_itself() {
        let runs = || narrowing(Some(&["runs", "slots"]), false, true);
        let nothing = Narrowing::default;
        assert_eq!(narrower(&nothing(), nothing()), Ok(nothing()));
        assert_eq!(narrower(&nothing(), runs()), Ok(runs()));
        assert_eq!(narrower(&runs(), nothing()), Ok(runs()));
        assert_eq!(
            narrower(&runs(), narrowing(Some(&["runs"]), true, false)),
            Ok(narrowing(Some(&["runs"]), true, true))
        );
        let wider = narrower(&runs(), narrowing(Some(&["runs", "access"]), false, true));
        assert!(wider.is_err_and(|why| why.contains("access")));
    }

    #[rstest]
    #[case(Leniency::None, true, 10, false, Ok(()))]
    #[case(Leniency::None, true, 0, false, Err(TokenFault::Expired))]
    #[case(Leniency::None, true, 10, true, Err(TokenFault::Revoked))]
    #[case(Leniency::Refresh, true, -7199, false, Ok(()))]
    #[case(Leniency::Refresh, true, -7200, false, Err(TokenFault::Expired))]
    #[case(Leniency::Refresh, false, -1, false, Err(TokenFault::Expired))]
    #[case(Leniency::Refresh, true, 10, true, Err(TokenFault::Revoked))]
    #[case(Leniency::Finish, true, 10, true, Ok(()))]
    #[case(Leniency::Finish, false, 10, true, Err(TokenFault::Revoked))]
    fn a_token_counts_as_its_row_says(
        #[case] leniency: Leniency,
        #[case] is_supervisor: bool,
        #[case] seconds_left: i64,
        #[case] revoked: bool,
        #[case] expected: Result<(), TokenFault>,
    ) {
        let now = Timestamp::UNIX_EPOCH;
        let expires_at = now + SignedDuration::from_secs(seconds_left);
        assert_eq!(
            check(leniency, is_supervisor, expires_at, revoked.then_some(now), now),
            expected
        );
    }
}
