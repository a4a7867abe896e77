//! The webhook's secrets: the current one and, during a rotation, the one before it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::config::WebhookConfig;

/// Mounted files change under a running program; after a signature that does not fit they are read again, at most so
/// often.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The secrets of mounted files.
pub struct Secrets {
    current: PathBuf,
    previous: Option<PathBuf>,
    known: Mutex<Known>,
}

struct Known {
    secrets: Vec<SecretSlice<u8>>,
    read_at: Instant,
}

impl Secrets {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// The current secret cannot be read or is empty.
    pub fn read(config: &WebhookConfig) -> anyhow::Result<Self> {
        let current = config.webhook_secret_file.clone();
        let previous = config.webhook_previous_secret_file.clone();
        let secrets = read_files(&current, previous.as_deref())?;
        let known = Mutex::new(Known {
            secrets,
            read_at: Instant::now(),
        });
        Ok(Self {
            current,
            previous,
            known,
        })
    }

    /// Whether `signature` is the HMAC-SHA256 of `body` under one of the secrets, compared in constant time.
    pub(super) fn verify(&self, body: &[u8], signature: &[u8; 32]) -> bool {
        let known = self.known();
        known.iter().any(|secret| fits(secret, body, signature))
            || self
                .read_again()
                .iter()
                .any(|secret| fits(secret, body, signature))
    }

    fn known(&self) -> Vec<SecretSlice<u8>> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .secrets
            .clone()
    }

    /// Answers the secrets if they were read again, else none.
    fn read_again(&self) -> Vec<SecretSlice<u8>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.read_at.elapsed() < READ_AGAIN_AFTER {
            return Vec::new();
        }
        known.read_at = Instant::now();
        match read_files(&self.current, self.previous.as_deref()) {
            Ok(secrets) => {
                known.secrets.clone_from(&secrets);
                secrets
            }
            Err(error) => {
                tracing::warn!(%error, "the webhook's secrets cannot be read again; the known ones stay");
                Vec::new()
            }
        }
    }
}

fn fits(secret: &SecretSlice<u8>, body: &[u8], signature: &[u8; 32]) -> bool {
    // HMAC takes keys of any length.
    Hmac::<Sha256>::new_from_slice(secret.expose_secret())
        .is_ok_and(|mac| mac.chain_update(body).verify_slice(signature).is_ok())
}

fn read_files(current: &Path, previous: Option<&Path>) -> anyhow::Result<Vec<SecretSlice<u8>>> {
    let text = std::fs::read(current)
        .with_context(|| format!("cannot read the webhook's secret {}; mount it", current.display()))?;
    let current_secret = trimmed(&text).with_context(|| {
        format!(
            "the webhook's secret {} is empty; every sender would fit",
            current.display()
        )
    })?;
    // Between rotations there is none.
    let previous = previous
        .and_then(|file| std::fs::read(file).ok())
        .and_then(|text| trimmed(&text));
    Ok(std::iter::once(current_secret).chain(previous).collect())
}

fn trimmed(text: &[u8]) -> Option<SecretSlice<u8>> {
    let text = text.trim_ascii();
    (!text.is_empty()).then(|| text.to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_own_test_vector_fits() {
        let secret = trimmed(b"It's a Secret to Everybody\n").unwrap();
        let mut signature = [0; 32];
        hex::decode_to_slice(
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            &mut signature,
        )
        .unwrap();
        assert!(fits(&secret, b"Hello, World!", &signature));
        assert!(!fits(&secret, b"Hello, World?", &signature));
        signature[31] ^= 1;
        assert!(!fits(&secret, b"Hello, World!", &signature));
    }

    #[test]
    fn an_empty_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, " \n").unwrap();
        let error = read_files(&file, None).unwrap_err();
        assert!(error.to_string().contains("is empty"), "{error}");
        let error = read_files(&folder.path().join("none"), None).unwrap_err();
        assert!(error.to_string().contains("mount it"), "{error}");
    }
}
