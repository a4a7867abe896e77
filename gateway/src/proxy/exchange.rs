//! What a request shows, and a session's token in the place of its cookie.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use orchestrator::{Orchestrator, credential};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::answer::Refusal;
use crate::login::cookies::{self, CSRF_HEADER};
use crate::site::Site;

/// A token is used again for so long; the rest of its minute is for requests on their way.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// Tokens kept at once.
const MAX_KEPT: usize = 4096;

/// Who a request says it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    /// mcp-server will say where to get a token.
    Nothing,
    /// Goes through as it came.
    Bearer,
    /// The cookie of a session, in a request of our own page.
    Session(&'a str),
}

/// Reads it, and refuses what somebody else's page could have made a browser send.
pub(super) fn shown<'a>(site: &Site, headers: &'a HeaderMap) -> Result<Shown<'a>, Refusal> {
    let cookie = cookies::session(site, headers);
    let is_bearer = headers.contains_key(AUTHORIZATION);
    let Some(cookie) = cookie else {
        return Ok(if is_bearer { Shown::Bearer } else { Shown::Nothing });
    };
    if is_bearer {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ambiguous",
            "send a session's cookie or an Authorization header, not both",
        ));
    }
    let token = headers.get(CSRF_HEADER).and_then(|token| token.to_str().ok());
    if !cookies::is_own_origin(site, headers) {
        return Err(forged("Origin must be this platform's own"));
    }
    if !token.is_some_and(|token| cookies::is_csrf_token(cookie, token)) {
        return Err(forged("X-CSRF-Token must be the token of this session"));
    }
    Ok(Shown::Session(cookie))
}

fn forged(why: &str) -> Refusal {
    metrics::counter!("codex_auth_failures_total", "program" => "gateway", "kind" => "csrf").increment(1);
    Refusal::new(StatusCode::FORBIDDEN, "forged", why)
}

/// The tokens of sessions that were active just now. One process's memory only: whether a session still counts is asked
/// at every call, by mcp-server.
pub(super) struct Tokens {
    orchestrator: Orchestrator,
    audience: String,
    kept: Mutex<HashMap<[u8; 32], Kept>>,
}

struct Kept {
    token: SecretString,
    until: Timestamp,
}

impl Tokens {
    pub(super) fn new(orchestrator: Orchestrator, audience: String) -> Self {
        Self {
            orchestrator,
            audience,
            kept: Mutex::default(),
        }
    }

    /// The token of a cookie's session.
    pub(super) async fn of(&self, cookie: &str) -> Result<SecretString, Refusal> {
        let (key, now) = (key(cookie), self.orchestrator.clock().now());
        if let Some(kept) = self.kept().get(&key).filter(|kept| now < kept.until) {
            return Ok(kept.token.clone());
        }
        let signed = credential::exchange_session(&self.orchestrator, &self.audience, cookie).await?;
        let Some(signed) = signed else {
            self.forget(cookie);
            return Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "session_over",
                "the session is over; sign in again at /login",
            ));
        };
        let until = now + KEPT;
        let token = signed.token.clone();
        self.keep(
            key,
            Kept {
                token: signed.token,
                until,
            },
            now,
        );
        Ok(token)
    }

    pub(super) fn forget(&self, cookie: &str) {
        self.kept().remove(&key(cookie));
    }

    fn keep(&self, key: [u8; 32], token: Kept, now: Timestamp) {
        let mut kept = self.kept();
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, kept| now < kept.until);
        }
        // Full of what is fresh: this one is made anew next time.
        if kept.len() < MAX_KEPT {
            kept.insert(key, token);
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cookie itself stays in no map.
fn key(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}
