//! The files of the model: trusted by their hashes, whoever put them there.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The name under which vectors of this model are kept.
pub const NAME: &str = "all-MiniLM-L6-v2";
/// Numbers in a vector.
pub const DIMS: u16 = 384;
/// Of the weights; vectors of other weights are another model's.
pub const CHECKSUM: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

const WEIGHTS: Pin = Pin {
    file: "model.safetensors",
    sha256: CHECKSUM,
};
const TOKENIZER: Pin = Pin {
    file: "tokenizer.json",
    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
};
const CONFIG: Pin = Pin {
    file: "config.json",
    sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
};

struct Pin {
    file: &'static str,
    sha256: &'static str,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {file}: {source}; docs/how-to/search.md says how the weights get there")]
    Missing { file: PathBuf, source: io::Error },
    #[error("{file} is not the file this program trusts: its sha256 should be {expected} and is {found}")]
    Mismatch {
        file: PathBuf,
        expected: &'static str,
        found: String,
    },
    #[error("the model cannot be made of its files: {0}")]
    Broken(String),
}

/// The bytes of the files, checked.
pub(crate) struct Files {
    pub(crate) weights: Vec<u8>,
    pub(crate) tokenizer: Vec<u8>,
    pub(crate) config: Vec<u8>,
}

/// Reads the files in `dir`.
pub(crate) fn read(dir: &Path) -> Result<Files, LoadError> {
    Ok(Files {
        // The small ones first: a wrong folder is told at once.
        config: checked(dir, &CONFIG)?,
        tokenizer: checked(dir, &TOKENIZER)?,
        weights: checked(dir, &WEIGHTS)?,
    })
}

fn checked(dir: &Path, pin: &Pin) -> Result<Vec<u8>, LoadError> {
    let file = dir.join(pin.file);
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(source) => return Err(LoadError::Missing { file, source }),
    };
    let found = hex::encode(Sha256::digest(&bytes));
    if found != pin.sha256 {
        return Err(LoadError::Mismatch {
            file,
            expected: pin.sha256,
            found,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_the_pinned_one_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(
            matches!(read(dir.path()), Err(LoadError::Missing { file, .. }) if file.ends_with("config.json"))
        );
        std::fs::write(dir.path().join("config.json"), "{}").expect("written");
        assert!(
            matches!(read(dir.path()), Err(LoadError::Mismatch { file, .. }) if file.ends_with("config.json"))
        );
    }
}
