//! Which paths a turn may change.
//!
//! Globs are read as in `.gitignore`: without a slash a name counts at any depth, a slash anchors it at the root, `*`
//! stays within a folder, `**` does not, and a folder means all below it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::Change;
use super::changes::{MOST_PATHS, Special};

/// The globs of an agent's profile.
pub(crate) struct Scope {
    /// None means every path.
    include: Option<GlobSet>,
    exclude: GlobSet,
}

/// Why changes are not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("{0} is outside of what this agent may change")]
    Path(String),
    #[error("{0} is a submodule, or changes one; remove the nested repository, or add its files themselves")]
    Submodule(String),
    #[error("the symbolic link {path} points to {target}, outside of the repository")]
    Link { path: String, target: String },
    #[error(
        "more than {MOST_PATHS} changed paths are more than a person can review; is a build folder not ignored?"
    )]
    TooMany,
}

impl Violation {
    pub(crate) fn sub_reason(&self) -> &'static str {
        match self {
            Self::Path(_) => "path",
            Self::Submodule(_) => "submodule",
            Self::Link { .. } => "link",
            Self::TooMany => "too_many_paths",
        }
    }
}

impl Scope {
    /// # Errors
    ///
    /// Names a glob that makes no sense.
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self, globset::Error> {
        let include = if include.is_empty() {
            None
        } else {
            Some(build(include)?)
        };
        Ok(Self {
            include,
            exclude: build(exclude)?,
        })
    }

    /// Judges all changes of a turn; the first violation in path order is the answer.
    pub(crate) fn judge(&self, changes: &[Change]) -> Result<(), Violation> {
        if changes.len() > MOST_PATHS {
            return Err(Violation::TooMany);
        }
        changes.iter().try_for_each(|change| self.judge_one(change))
    }

    fn judge_one(&self, change: &Change) -> Result<(), Violation> {
        let path = Path::new(OsStr::from_bytes(&change.path));
        let modules = path.file_name() == Some(OsStr::new(".gitmodules"));
        match &change.special {
            Special::Submodule => return Err(Violation::Submodule(change.name())),
            _ if modules => return Err(Violation::Submodule(change.name())),
            Special::Link(target) if leaves(path, target) => {
                let target = String::from_utf8_lossy(target).into_owned();
                return Err(Violation::Link {
                    path: change.name(),
                    target,
                });
            }
            _ => {}
        }
        let included = self.include.as_ref().is_none_or(|globs| globs.is_match(path));
        if included && !self.exclude.is_match(path) {
            Ok(())
        } else {
            Err(Violation::Path(change.name()))
        }
    }
}

/// Whether a link may lead out of the repository, or into what Git keeps there. A name in its target may be a link
/// itself, so what `..` after it means is unknown; before it, `..` counts the real folders the link lies in.
fn leaves(link: &Path, target: &[u8]) -> bool {
    let target = Path::new(OsStr::from_bytes(target));
    let mut depth = link.parent().map_or(0, |folder| folder.iter().count());
    let mut named = false;
    for part in target.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) if name.eq_ignore_ascii_case(".git") => return true,
            Component::Normal(_) => named = true,
            Component::ParentDir if !named && depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

fn build(globs: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let body = glob.trim_end_matches('/');
        let pattern = match body.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None if body.contains('/') => body.to_owned(),
            None => format!("**/{body}"),
        };
        for pattern in [pattern.clone(), format!("{pattern}/**")] {
            set.add(
                GlobBuilder::new(&pattern)
                    .literal_separator(true)
                    .backslash_escape(true)
                    .build()?,
            );
        }
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::super::changes::Kind;
    use super::*;

    fn change(path: &str, special: Special) -> Change {
        Change {
            path: path.as_bytes().to_vec(),
            kind: Kind::Added,
            special,
        }
    }

    fn allowed(include: &[&str], exclude: &[&str], path: &str) -> bool {
        let owned = |globs: &[&str]| globs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let scope = Scope::new(&owned(include), &owned(exclude)).expect("globs");
        scope.judge(&[change(path, Special::None)]).is_ok()
    }

    #[test]
    fn globs_mean_what_gitignore_says() {
        for (include, exclude, path, expected) in [
            (&[][..], &[][..], "anything/at/all", true),
            (&[], &[".github/**"], ".github/workflows/ci.yaml", false),
            (&[], &[".github"], ".github/workflows/ci.yaml", false),
            (&[], &[".github/**"], "docs/.github.md", true),
            (&[], &["CODEOWNERS"], "docs/CODEOWNERS", false),
            (&[], &["/services.yaml"], "services.yaml", false),
            (&[], &["/services.yaml"], "examples/services.yaml", true),
            (&[], &["**"], "README.md", false),
            (&["**"], &["**"], "a/b/.c", false),
            (&[], &["/.codex-k8s/**"], ".codex-k8s/agents.yaml", false),
            (&["docs/"], &[], "docs/a/b.md", true),
            (&["docs/"], &[], "src/main.rs", false),
            (&["*.md"], &[], "deep/down/README.md", true),
            (&["src/*.rs"], &[], "src/deep/lib.rs", false),
            (&["src/**/*.rs"], &[], "src/deep/lib.rs", true),
            (&["src/**"], &["src/generated"], "src/generated/api.rs", false),
        ] {
            assert_eq!(
                allowed(include, exclude, path),
                expected,
                "{include:?} without {exclude:?}: {path}"
            );
        }
        assert!(Scope::new(&["[".into()], &[]).is_err());
    }

    #[test]
    fn links_stay_inside_and_submodules_stay_out() {
        let scope = Scope::new(&[], &[]).expect("globs");
        let judge = |path: &str, special| scope.judge(&[change(path, special)]);
        let link = |path: &str, target: &str| judge(path, Special::Link(target.as_bytes().to_vec()));
        assert_eq!(link("docs/latest", "../README.md"), Ok(()));
        assert_eq!(link("a/b/c", "./../../d"), Ok(()));
        assert_eq!(link("d/e", ".."), Ok(()));
        for (path, target) in [
            ("passwd", "/etc/passwd"),
            ("up", "../up"),
            ("docs/up", "../../etc"),
            ("hook", ".git/hooks/pre-commit"),
            ("hook", ".GIT/config"),
            // With `d/e -> ..`, which is fine by itself.
            ("x", "d/e/../../etc/passwd"),
            ("x", "d/.."),
        ] {
            assert!(
                matches!(link(path, target), Err(Violation::Link { .. })),
                "{path} -> {target}"
            );
        }
        assert!(matches!(
            judge("vendor/x", Special::Submodule),
            Err(Violation::Submodule(_))
        ));
        assert!(matches!(
            judge(".gitmodules", Special::None),
            Err(Violation::Submodule(_))
        ));
    }

    #[test]
    fn a_flood_of_paths_is_refused() {
        let scope = Scope::new(&[], &[]).expect("globs");
        let changes: Vec<_> = (0..=MOST_PATHS)
            .map(|n| change(&n.to_string(), Special::None))
            .collect();
        assert_eq!(scope.judge(&changes), Err(Violation::TooMany));
    }
}
