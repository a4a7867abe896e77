//! The environment of whoever calls.

use std::{
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The environment variables of the caller.
///
/// `PATH` is where programs are looked for. The package client gets what concerns it (its own settings, proxies,
/// certificates, `HOME`); what was fetched gets none of it, because a caller's environment may hold secrets.
#[derive(Clone, Default)]
pub struct Environment(Vec<(OsString, OsString)>);

impl FromIterator<(OsString, OsString)> for Environment {
    /// Takes what `std::env::vars_os()` yields.
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl Environment {
    /// A variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_os_str())
    }

    /// A path that a variable names; an empty one names none.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).filter(|it| !it.is_empty()).map(PathBuf::from)
    }

    /// Finds a program on `PATH`.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(self.get("PATH")?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|file| is_executable(file))
    }

    /// Lists what a package client may need, and nothing else.
    pub fn for_package_client(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
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
