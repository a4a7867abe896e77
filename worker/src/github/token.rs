//! Installation tokens, each for one repository and one purpose.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A token is renewed this long before it ends, so that none ends on its way.
const SPARE: SignedDuration = SignedDuration::from_mins(5);
/// Beyond it, all are forgotten; forgetting costs one request each.
const MOST: usize = 4096;

/// What a call needs, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Grant {
    Metadata,
    IssuesRead,
    IssuesWrite,
    PullRequestsRead,
    PullRequestsWrite,
    ContentsRead,
    ContentsWrite,
    /// Of an organisation and its teams.
    Members,
}

impl Grant {
    fn permissions(self) -> Value {
        match self {
            Self::Metadata => json!({ "metadata": "read" }),
            Self::IssuesRead => json!({ "issues": "read" }),
            Self::IssuesWrite => json!({ "issues": "write" }),
            Self::PullRequestsRead => json!({ "pull_requests": "read" }),
            // GitHub compares the branches, so the token must see them too.
            Self::PullRequestsWrite => json!({ "pull_requests": "write", "contents": "read" }),
            Self::ContentsRead => json!({ "contents": "read" }),
            Self::ContentsWrite => json!({ "contents": "write" }),
            Self::Members => json!({ "members": "read" }),
        }
    }
}

/// Where a token reaches and what it may do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) installation_id: i64,
    /// None for what belongs to no repository.
    pub(super) github_repository_id: Option<i64>,
    pub(super) grant: Grant,
}

impl Scope {
    /// The body of the request for such a token.
    pub(super) fn narrowed(self) -> Value {
        let mut body = json!({ "permissions": self.grant.permissions() });
        if let Some(id) = self.github_repository_id {
            body["repository_ids"] = json!([id]);
        }
        body
    }
}

#[derive(Clone)]
pub(super) struct Token {
    /// Of any length: GitHub's stateless form has some 520 characters.
    pub(super) secret: SecretString,
    pub(super) expires_at: Timestamp,
}

#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<Scope, Token>>);

impl Tokens {
    pub(super) fn find(&self, scope: Scope, now: Timestamp) -> Option<Token> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(&scope).filter(|token| lasts(token, now)).cloned()
    }

    pub(super) fn keep(&self, scope: Scope, token: Token, now: Timestamp) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, token| lasts(token, now));
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(scope, token);
    }

    pub(super) fn discard(&self, scope: Scope) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&scope);
    }
}

fn lasts(token: &Token, now: Timestamp) -> bool {
    now + SPARE < token.expires_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(github_repository_id: i64, grant: Grant) -> Scope {
        Scope {
            installation_id: 1,
            github_repository_id: Some(github_repository_id),
            grant,
        }
    }

    #[test]
    fn a_token_is_kept_for_its_scope_until_shortly_before_it_ends() {
        let now = Timestamp::UNIX_EPOCH;
        let minute = SignedDuration::from_mins;
        let tokens = Tokens::default();
        let token = Token {
            secret: "ghs_a".into(),
            expires_at: now + minute(60),
        };
        tokens.keep(scope(1, Grant::IssuesRead), token, now);
        let found = |scope, at| tokens.find(scope, at).is_some();
        assert!(found(scope(1, Grant::IssuesRead), now + minute(54)));
        assert!(!found(scope(1, Grant::IssuesRead), now + minute(55)));
        assert!(!found(scope(1, Grant::IssuesWrite), now), "another permission");
        assert!(!found(scope(2, Grant::IssuesRead), now), "another repository");
        tokens.discard(scope(1, Grant::IssuesRead));
        assert!(!found(scope(1, Grant::IssuesRead), now));
    }

    #[test]
    fn many_tokens_do_not_pile_up() {
        let now = Timestamp::UNIX_EPOCH;
        let tokens = Tokens::default();
        for id in 0..5000 {
            let token = Token {
                secret: "ghs_a".into(),
                expires_at: now + SignedDuration::from_hours(1),
            };
            tokens.keep(scope(id, Grant::IssuesRead), token, now);
        }
        assert!(tokens.0.lock().expect("not poisoned").len() <= MOST);
    }
}
