//! A key for tests: two primes that everybody knows protect nothing.

use std::path::PathBuf;

use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey, LineEnding};
use rsa::{BigUint, RsaPrivateKey};
use tempfile::TempDir;

const P: &[u8] =
    b"cd1c12a3306e72b32b79da10874f208dd75046d709df6540178a27aefe933f61a66a009d90116134b53d01fda682bec4\
    4997f668a80b586ffd0f90cbbafee4ff7429e87a1bd8bfaa39385b4ee089bf2b620579bf34de0f44f9a7151a6eef6e5d\
    32e5117dd7eb9161e7b7003141e3a803b4661fa092d2a44fb7f10a3614748809";
const Q: &[u8] =
    b"c756870beb8098a1c9387d470c8efb61ef747c3fbdb54434e03f71a96a65fe1a5eb8876ec8aab413d5f80a359e64e9fb\
    008229879b7a0d8c4b60e1550936071a766ee09677a948b977e4375b0cf1012bbb3503055880206e78470d3a8b9d1c63\
    c4329e0f6b6a03cca0836a528498fd8bed7f71fca093cc1b22ce7b58c9bffc07";

/// The App's key in a file of its own, as the worker gets it.
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    /// What GitHub keeps of it.
    pub(crate) public_pem: String,
    _folder: TempDir,
}

impl KeyFile {
    pub(crate) fn write() -> Self {
        let number = |hex| BigUint::parse_bytes(hex, 16).expect("hexadecimal");
        let key =
            RsaPrivateKey::from_p_q(number(P), number(Q), BigUint::from(65537_u32)).expect("two primes");
        let pem = key.to_pkcs1_pem(LineEnding::LF).expect("a key");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.pem");
        std::fs::write(&path, pem.as_bytes()).expect("it is ours");
        Self {
            path,
            public_pem: key.to_public_key().to_pkcs1_pem(LineEnding::LF).expect("a key"),
            _folder: folder,
        }
    }
}
