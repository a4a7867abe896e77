//! Tokens that speak for a person: of a session, of a grant, or personal ones.

use jiff::{SignedDuration, Timestamp};

use super::domain::Narrowing;
use super::jwt::SignedToken;
use super::service::{insert_token, sign};
use super::store::{self, Bearer};
use crate::error::{Error, Result};
use crate::id::{GrantId, PersonId, SessionId, TokenId};
use crate::identity::session;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::postgres::listen::Topic;

/// Tokens of sessions live this long: they go from the gateway to the tools and no further.
pub const SESSION_TOKEN_LIFE: SignedDuration = SignedDuration::from_secs(60);

/// What a person's token was made from. It counts as long as that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOrigin {
    /// A browser's session: the token ends with it.
    Session(SessionId),
    /// What the person granted to an OAuth client.
    Grant(GrantId),
    /// A personal token, by its name.
    Named(String),
}

impl TokenOrigin {
    pub(super) fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::Session(session_id) => Some(*session_id),
            Self::Grant(_) | Self::Named(_) => None,
        }
    }

    pub(super) fn grant_id(&self) -> Option<GrantId> {
        match self {
            Self::Grant(grant_id) => Some(*grant_id),
            Self::Session(_) | Self::Named(_) => None,
        }
    }
}

/// Inserts the row of a person's token; it is signed from it with [`super::sign`]. Whoever calls has decided that the
/// person may have it.
///
/// # Errors
///
/// `Invalid` for a personal token without a proper name.
pub async fn issue_person_token(
    tx: &mut Tx,
    audience: &str,
    person_id: PersonId,
    origin: TokenOrigin,
    expires_at: Timestamp,
) -> Result<TokenId> {
    if let TokenOrigin::Named(name) = &origin
        && (name.is_empty() || name.len() > 100)
    {
        return Err(Error::Invalid("name must have 1 to 100 bytes".into()));
    }
    let bearer = Bearer::Person { person_id, origin };
    insert_token(tx, audience, bearer, expires_at, Narrowing::default()).await
}

/// Exchanges a browser's cookie for a token of its session; `None` if the session does not count.
pub async fn exchange_session(
    orchestrator: &Orchestrator,
    audience: &str,
    cookie: &str,
) -> Result<Option<SignedToken>> {
    let mut tx = orchestrator.begin("credential.exchange_session").await?;
    let Some(live) = session::find(&mut tx, cookie).await? else {
        return Ok(None);
    };
    let expires_at = tx.now() + SESSION_TOKEN_LIFE;
    let origin = TokenOrigin::Session(live.session_id);
    let jti = issue_person_token(&mut tx, audience, live.person.person_id, origin, expires_at).await?;
    tx.commit().await?;
    sign(orchestrator, jti).await.map(Some)
}

/// Ends all tokens of a grant and what was made with them: they fail at the next call, in every process.
pub async fn revoke_grant_tokens(tx: &mut Tx, grant_id: GrantId) -> Result<()> {
    while store::staff::revoke_of_grant(tx, grant_id).await? > 0 {
        tx.notify(Topic::Revoked, grant_id).await?;
    }
    Ok(())
}
