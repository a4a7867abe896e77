//! Secrets at rest: ChaCha20-Poly1305 under a key file, bound to what they belong to.
//!
//! There are two key files. The master key opens everything but what the edge signs with; the edge key opens that alone,
//! and is all that the public port holds.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::error::{Error, Result};

/// The key of the file that operators mount; it never leaves the process.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// The key of the gateway's file: it seals the signing keys of the public audience, and what browsers keep for us.
#[derive(Clone, Debug)]
pub struct EdgeKey(MasterKey);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl EdgeKey {
    /// Makes a new one.
    pub fn generate() -> Self {
        Self(MasterKey::generate())
    }

    /// Reads the file that `codex-k8s init` wrote: 32 bytes, base64.
    ///
    /// # Errors
    ///
    /// `Precondition`, saying what to do.
    pub fn read(file: &Path) -> Result<Self> {
        MasterKey::read_as("edge key", file).map(Self)
    }

    /// The file's content.
    pub fn encode(&self) -> String {
        self.0.encode()
    }

    pub(crate) fn key(&self) -> &MasterKey {
        &self.0
    }
}

impl MasterKey {
    /// Makes a new one.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// A key that comes of another secret.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the file that `codex-k8s init` wrote: 32 bytes, base64.
    ///
    /// # Errors
    ///
    /// `Precondition`, saying what to do.
    pub fn read(file: &Path) -> Result<Self> {
        Self::read_as("master key", file)
    }

    fn read_as(what: &str, file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Error::Precondition(format!(
                "cannot read the {what} file {}: {error}; mount it, or make one with `codex-k8s init`",
                file.display()
            ))
        })?;
        let bytes = STANDARD
            .decode(text.trim())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| {
            Error::Precondition(format!(
                "{} is not a key file ({what}): expected 32 bytes in base64",
                file.display()
            ))
        })
    }

    /// The file's content.
    pub fn encode(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Seals `secret` so that it opens only under the same `purpose`.
    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; 24] = rand::random();
        let sealed = self
            .cipher()
            .encrypt(
                XNonce::from_slice(&nonce),
                Payload {
                    msg: secret,
                    aad: purpose.as_bytes(),
                },
            )
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    ///
    /// `Precondition` if it was sealed under another key.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let (nonce, sealed) = sealed
            .split_at_checked(24)
            .ok_or_else(|| Error::internal("a sealed value is too short"))?;
        self.cipher()
            .decrypt(
                XNonce::from_slice(nonce),
                Payload {
                    msg: sealed,
                    aad: purpose.as_bytes(),
                },
            )
            .map_err(|_| {
                Error::Precondition(
                    "a sealed value does not open: the key file is not the one it was sealed under".into(),
                )
            })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_under_its_key_and_purpose() {
        let key = MasterKey::generate();
        let sealed = key.seal("port_call:1", b"secret").unwrap();
        assert_eq!(key.open("port_call:1", &sealed).unwrap(), b"secret");
        assert!(key.open("port_call:2", &sealed).is_err());
        assert!(MasterKey::generate().open("port_call:1", &sealed).is_err());
        assert!(!format!("{key:?}").contains(&key.encode()));
    }
}
