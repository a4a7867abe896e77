//! The signatures that were found to hold: the same token is not verified twice.
//!
//! An entry says that one token, by its SHA-256, holds under one public key and audience. It is asked with the key that
//! the token's row names now, so it serves no other key. It says nothing about whether the token counts: that is its row's,
//! and read at each call. No token and nothing secret is kept.

use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;
use sha2::{Digest, Sha256};

use super::domain::{Claims, ISSUER};
use super::jwt;

/// Tokens remembered, those that were used last.
const MOST: usize = 4096;

/// What a token says, under the key that says it is ours.
struct Holds {
    public_key: Vec<u8>,
    audience: String,
    kid: String,
    claims: Claims,
}

/// What a process remembers.
pub(crate) struct Verified {
    holds: Mutex<LruCache<[u8; 32], Arc<Holds>>>,
}

impl Default for Verified {
    fn default() -> Self {
        Self {
            holds: Mutex::new(LruCache::new(MOST)),
        }
    }
}

/// A bearer token before its row was read. Nothing in it is true until [`Shown::verify`] said so.
pub(super) struct Shown<'a> {
    token: &'a str,
    digest: [u8; 32],
    known: Option<Arc<Holds>>,
    kid: String,
    jti: uuid::Uuid,
}

impl Verified {
    /// Reads what a token claims; none if it is no token of ours.
    pub(super) fn shown<'a>(&self, token: &'a str) -> Option<Shown<'a>> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let known = self.lock().get(&digest).cloned();
        let (kid, jti) = match &known {
            Some(holds) => (holds.kid.clone(), holds.claims.jti),
            None => (jwt::kid(token)?, jwt::claimed_id(token)?),
        };
        Some(Shown {
            token,
            digest,
            known,
            kid,
            jti,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<[u8; 32], Arc<Holds>>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown<'_> {
    /// The key that it says it was signed with.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The row that it says it was signed from.
    pub(super) fn jti(&self) -> uuid::Uuid {
        self.jti
    }

    /// Its claims, if the signature holds under this key, for this audience.
    pub(super) fn verify(&self, verified: &Verified, public_key: &[u8], audience: &str) -> Option<Claims> {
        if let Some(known) = &self.known
            && known.public_key == public_key
            && known.audience == audience
        {
            return Some(known.claims.clone());
        }
        let claims = jwt::verify(self.token, public_key, ISSUER, audience)?;
        let holds = Holds {
            public_key: public_key.to_owned(),
            audience: audience.to_owned(),
            kid: self.kid.clone(),
            claims: claims.clone(),
        };
        verified.lock().insert(self.digest, Arc::new(holds));
        Some(claims)
    }
}
