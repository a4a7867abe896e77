//! Signing and verifying `at+jwt` with Ed25519.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

use super::domain::Claims;
use crate::error::{Error, Result};

/// Bytes of a token; ours have some hundred, more only with a client's address for its id.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Bytes of a key's id; ours have 40.
const MAX_KID_BYTES: usize = 64;

/// A token, and until when it counts.
#[derive(Debug)]
pub struct SignedToken {
    pub token: SecretString,
    pub expires_at: Timestamp,
}

/// A fresh key pair: the private half as PKCS #8, the public half raw.
pub(super) struct KeyPair {
    pub(super) private: Vec<u8>,
    pub(super) public: Vec<u8>,
}

impl KeyPair {
    pub(super) fn generate() -> Result<Self> {
        let key = SigningKey::from_bytes(&rand::random());
        let private = key.to_pkcs8_der().map_err(Error::internal)?.as_bytes().to_vec();
        Ok(Self {
            private,
            public: key.verifying_key().to_bytes().to_vec(),
        })
    }
}

/// Signs the claims.
pub(super) fn sign(kid: &str, private: &[u8], claims: &Claims) -> Result<SecretString> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".into());
    header.kid = Some(kid.to_owned());
    let token =
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(private)).map_err(Error::internal)?;
    Ok(token.into())
}

/// All that a header of ours says. One that says more (`crit`, `b64`, `jku`, `jwk`, `x5c`, …) or says it twice is not ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    typ: String,
    kid: String,
}

/// The key a token claims to be signed with, or none if it is no token of ours.
pub(super) fn kid(token: &str) -> Option<String> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (head, _) = token.split_once('.')?;
    let head: Head = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
    let is_plain = |kid: &str| {
        kid.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let ours = head.alg == "EdDSA" && head.typ == "at+jwt";
    (ours && head.kid.len() <= MAX_KID_BYTES && is_plain(&head.kid)).then_some(head.kid)
}

/// The id of its row that a token claims. Nobody vouches for it yet.
pub(super) fn claimed_id(token: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Claimed {
        jti: Uuid,
    }
    let claims = token.split('.').nth(1)?;
    let claimed: Claimed = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some(claimed.jti)
}

/// The claims, if the signature, the issuer and the audience hold. Expiry is judged by the token's row.
pub(super) fn verify(token: &str, public: &[u8], issuer: &str, audience: &str) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    let data = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_ed_der(public), &validation).ok()?;
    Some(data.claims)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_verifies_only_for_its_key_issuer_and_audience() {
        let key = KeyPair::generate().unwrap();
        let claims = Claims {
            iss: "codex-k8s".into(),
            sub: "run:1".into(),
            aud: "https://platform/mcp".into(),
            jti: Uuid::now_v7(),
            iat: 1,
            exp: 2,
            client_id: None,
            scope: None,
        };
        let token = sign("k1", &key.private, &claims).unwrap();
        let token = token.expose_secret();
        assert_eq!(kid(token).as_deref(), Some("k1"));
        assert_eq!(
            verify(token, &key.public, "codex-k8s", "https://platform/mcp"),
            Some(claims)
        );
        assert_eq!(verify(token, &key.public, "codex-k8s", "https://other/mcp"), None);
        assert_eq!(
            verify(token, &key.public, "somebody", "https://platform/mcp"),
            None
        );
        let other = KeyPair::generate().unwrap();
        assert_eq!(
            verify(token, &other.public, "codex-k8s", "https://platform/mcp"),
            None
        );
        assert_eq!(kid("not.a.token"), None);
    }
}
