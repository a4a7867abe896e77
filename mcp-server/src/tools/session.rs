//! Where people are signed in: their browsers, and the clients they let in.

use contract::token::{GrantView, SessionEnded, SessionList, SessionRevoke, SessionView, Sessions};
use orchestrator::credential::TokenOrigin;
use orchestrator::identity::oauth::{self, Grant};
use orchestrator::identity::session::{self, Session};
use orchestrator::project::access::Operation;
use orchestrator::{Error, Result};

use super::{STAFF, idempotency_key};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<List>().with::<Revoke>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "session_list";
    const TITLE: &'static str = "List sign-ins";
    const ABOUT: &'static str = "Lists where you are signed in: browsers, and clients that you let in, such as editors. An owner of the platform \
         lists somebody else's with person_id. A program has none. Tokens that were made by name are in token_list.";
    const OPERATION: Operation = Operation::SessionRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = SessionList;
    type Answer = Sessions;

    async fn call(call: &Call<'_>, ask: SessionList) -> Result<Sessions> {
        let named = ask.person_id.map(Into::into);
        let Some(person_id) = named.or_else(|| call.actor.person_id()) else {
            return Ok(Sessions {
                sessions: Vec::new(),
                grants: Vec::new(),
            });
        };
        let sessions = session::list(call.orchestrator, call.actor, person_id).await?;
        let grants = oauth::list_grants(call.orchestrator, call.actor, person_id).await?;
        Ok(Sessions {
            sessions: sessions.into_iter().map(|it| show(it, call.origin())).collect(),
            grants: grants
                .into_iter()
                .map(|it| show_grant(it, call.origin()))
                .collect(),
        })
    }
}

struct Revoke;

impl Tool for Revoke {
    const NAME: &'static str = "session_revoke";
    const TITLE: &'static str = "End a sign-in";
    const ABOUT: &'static str = "Ends a browser's session, or takes back what you let a client do: its tokens fail at their next call, and so do \
         tokens that were made with a client's. Ending the session this is called from signs you out. Asking twice changes \
         nothing.";
    const OPERATION: Operation = Operation::SessionRevoke;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = SessionRevoke;
    type Answer = SessionEnded;

    async fn call(call: &Call<'_>, ask: SessionRevoke) -> Result<SessionEnded> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        match (ask.session_id, ask.grant_id) {
            (Some(id), None) => session::revoke(call.orchestrator, call.actor, id.into(), key).await?,
            (None, Some(id)) => oauth::revoke_grant(call.orchestrator, call.actor, id.into(), key).await?,
            _ => return Err(Error::Invalid("session_id, grant_id: name one of them".into())),
        }
        Ok(SessionEnded {
            session_id: ask.session_id,
            grant_id: ask.grant_id,
        })
    }
}

fn show(session: Session, this: Option<&TokenOrigin>) -> SessionView {
    SessionView {
        is_this: this == Some(&TokenOrigin::Session(session.session_id)),
        session_id: session.session_id.uuid(),
        method: session.method.to_string(),
        user_agent: session.user_agent,
        address: session.address,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
        revoked_at: session.revoked_at,
        is_live: session.is_live,
    }
}

fn show_grant(grant: Grant, this: Option<&TokenOrigin>) -> GrantView {
    GrantView {
        is_this: this == Some(&TokenOrigin::Grant(grant.grant_id)),
        grant_id: grant.grant_id.uuid(),
        client_id: grant.client_id,
        client_name: grant.client_name,
        scope: grant.scope,
        created_at: grant.created_at,
        used_at: grant.used_at,
        revoked_at: grant.revoked_at,
    }
}
