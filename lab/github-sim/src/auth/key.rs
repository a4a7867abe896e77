use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use rsa::{RsaPrivateKey, RsaPublicKey};

/// GitHub's key size.
const BITS: usize = 2048;

/// The App's key pair, as the PEM files GitHub lets one download.
#[derive(Clone)]
pub struct AppKey {
    private_pem: String,
    public_pem: String,
}

impl AppKey {
    /// Makes a new pair. Takes seconds in a debug build.
    pub fn generate() -> Result<Self> {
        let private = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, BITS).context("making an RSA key")?;
        let private_pem = private
            .to_pkcs1_pem(LineEnding::LF)
            .context("writing an RSA key")?;
        Self::from_pem(&private_pem)
    }

    /// Reads a private key in PKCS#1 (GitHub's form) or PKCS#8.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let private = RsaPrivateKey::from_pkcs1_pem(pem)
            .or_else(|_| RsaPrivateKey::from_pkcs8_pem(pem))
            .context("the App's private key is no RSA key in PEM")?;
        let public_pem = RsaPublicKey::from(&private)
            .to_public_key_pem(LineEnding::LF)
            .context("writing a key")?;
        Ok(Self {
            private_pem: pem.to_owned(),
            public_pem,
        })
    }

    /// Reads the key from a file, which is made (mode 0600) when it is missing. Several callers at once get one key.
    pub fn load_or_generate(file: &Path) -> Result<Self> {
        if let Ok(pem) = std::fs::read_to_string(file) {
            return Self::from_pem(&pem);
        }
        let made = Self::generate()?;
        let temporary = file.with_extension(format!("{}.new", uuid::Uuid::new_v4().simple()));
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut out| out.write_all(made.private_pem.as_bytes()))
            .with_context(|| format!("writing {}", temporary.display()))?;
        // A link fails when somebody was faster, and never shows half a file.
        let won = std::fs::hard_link(&temporary, file);
        std::fs::remove_file(&temporary).with_context(|| format!("removing {}", temporary.display()))?;
        match won {
            Ok(()) => Ok(made),
            Err(_) => Self::from_pem(&std::fs::read_to_string(file).context("reading the App's key")?),
        }
    }

    /// Returns the private half, which the product gets.
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    pub(crate) fn public_pem(&self) -> &str {
        &self.public_pem
    }
}

impl std::fmt::Debug for AppKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppKey(..)")
    }
}
