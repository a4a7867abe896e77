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
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;

use crate::error::{Error, Result};

type HmacSha256 = Hmac<Sha256>;

/// The keys of the file that operators mount; they never leave the process. The first seals; the others only open what was
/// sealed before the first came.
#[derive(Clone)]
pub struct MasterKey {
    first: [u8; 32],
    before: Vec<[u8; 32]>,
}

/// Keys of one file: a rotation needs two, and one that is interrupted three.
const MAX_KEYS: usize = 4;

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
        Self::from_bytes(rand::random())
    }

    /// A key that comes of another secret.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self {
            first: bytes,
            before: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.first
    }

    /// The name of the key that seals: tells keys apart, and nothing about them.
    pub fn id(&self) -> String {
        hex::encode(&self.digest("key_id", &[])[..8])
    }

    /// A digest that only the holder of the first key can make.
    pub(crate) fn digest(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        let mut hmac =
            HmacSha256::new_from_slice(&self.first).unwrap_or_else(|_| unreachable!("any length is a key"));
        hmac.update(purpose.as_bytes());
        hmac.update(&[0]);
        hmac.update(text);
        hmac.finalize().into_bytes().into()
    }

    /// The same file with a new first key.
    #[must_use]
    pub fn rotated(&self) -> Self {
        let mut before = vec![self.first];
        before.extend(self.before.iter().take(MAX_KEYS - 2));
        Self {
            first: rand::random(),
            before,
        }
    }

    /// The same file with the first key alone.
    #[must_use]
    pub fn without_older(&self) -> Self {
        Self::from_bytes(self.first)
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
        let key = |line: &str| {
            STANDARD
                .decode(line)
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        };
        let lines = text.split_ascii_whitespace();
        let keys: Option<Vec<_>> = lines.map(key).collect();
        match keys.as_deref() {
            Some([first, before @ ..]) if before.len() < MAX_KEYS => Ok(Self {
                first: *first,
                before: before.to_vec(),
            }),
            _ => Err(Error::Precondition(format!(
                "{} is not a key file ({what}): expected 1 to {MAX_KEYS} lines of 32 bytes in base64, the newest first",
                file.display()
            ))),
        }
    }

    /// The file's content.
    pub fn encode(&self) -> String {
        let keys = std::iter::once(&self.first).chain(&self.before);
        keys.map(|key| STANDARD.encode(key))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Seals `secret` so that it opens only under the same `purpose`.
    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; 24] = rand::random();
        let sealed = cipher(&self.first)
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
        let payload = || Payload {
            msg: sealed,
            aad: purpose.as_bytes(),
        };
        let mut keys = std::iter::once(&self.first).chain(&self.before);
        keys.find_map(|key| cipher(key).decrypt(XNonce::from_slice(nonce), payload()).ok())
            .ok_or_else(|| {
                Error::Precondition(
                    "a sealed value does not open: the key file is not the one it was sealed under".into(),
                )
            })
    }
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(key))
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

    #[test]
    fn a_new_key_opens_what_the_one_before_it_sealed() {
        let old = MasterKey::generate();
        let sealed = old.seal("a", b"secret").unwrap();
        let both = old.rotated();
        assert_ne!(old.id(), both.id());
        assert_eq!(both.open("a", &sealed).unwrap(), b"secret");
        let anew = both.seal("a", b"secret").unwrap();
        let new = both.without_older();
        assert!(old.open("a", &anew).is_err(), "the first key seals");
        assert!(new.open("a", &sealed).is_err());
        assert_eq!(new.open("a", &anew).unwrap(), b"secret");
        assert_eq!(new.id(), both.id());

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, both.encode()).unwrap();
        assert_eq!(
            MasterKey::read(&file).unwrap().open("a", &sealed).unwrap(),
            b"secret"
        );
        let too_many = [both.encode(), both.encode(), old.encode()].join("\n");
        for bad in ["", "c2hvcnQ=", &too_many] {
            std::fs::write(&file, bad).unwrap();
            assert!(MasterKey::read(&file).is_err(), "{bad}");
        }
    }
}
