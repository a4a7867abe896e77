//! Globs of paths: `*` and `?` within a name, `**` across names.

use std::fmt::Write;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Globs of one list.
pub(super) const MAX_GLOBS: usize = 50;
const MAX_GLOB_BYTES: usize = 200;

/// What is indexed unless somebody says otherwise: documents and code.
pub(super) const DEFAULT_INCLUDE: &[&str] = &[
    "**/*.md",
    "**/*.mdx",
    "**/*.rst",
    "**/*.adoc",
    "**/*.txt",
    "**/README*",
    "**/Makefile",
    "**/Dockerfile*",
    "**/*.rs",
    "**/*.go",
    "**/*.ts",
    "**/*.tsx",
    "**/*.js",
    "**/*.jsx",
    "**/*.mjs",
    "**/*.cjs",
    "**/*.py",
    "**/*.vue",
    "**/*.yaml",
    "**/*.yml",
    "**/*.sql",
    "**/*.toml",
    "**/*.proto",
    "**/*.sh",
    "**/*.java",
    "**/*.kt",
    "**/*.c",
    "**/*.h",
    "**/*.cc",
    "**/*.cpp",
    "**/*.hpp",
    "**/*.cs",
    "**/*.rb",
    "**/*.php",
    "**/*.swift",
    "**/*.scala",
    "**/*.tf",
];
/// What is not, though it matches: what nobody wrote.
pub(super) const DEFAULT_EXCLUDE: &[&str] = &[
    "**/node_modules/**",
    "**/vendor/**",
    "**/target/**",
    "**/dist/**",
    "**/build/**",
    "**/.git/**",
    "**/*.min.js",
    "**/package-lock.json",
    "**/pnpm-lock.yaml",
    "**/testdata/**",
    "**/__snapshots__/**",
];

/// Which paths of a repository are wanted.
#[derive(Clone, Debug)]
pub struct Globs {
    include: GlobSet,
    exclude: GlobSet,
}

impl Globs {
    /// # Errors
    ///
    /// Says which glob cannot be read, and why.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, String> {
        Ok(Self {
            include: set("include", include)?,
            exclude: set("exclude", exclude)?,
        })
    }

    pub fn want(&self, path: &str) -> bool {
        self.include.is_match(path) && !self.exclude.is_match(path)
    }
}

fn set(field: &str, globs: &[String]) -> Result<GlobSet, String> {
    check(field, globs)?;
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let glob = GlobBuilder::new(glob).literal_separator(true).build();
        set.add(glob.map_err(|error| format!("{field}: {error}"))?);
    }
    set.build().map_err(|error| format!("{field}: {error}"))
}

/// Checks a list of globs as people write them.
///
/// # Errors
///
/// Says which one is not plain.
pub(super) fn check(field: &str, globs: &[String]) -> Result<(), String> {
    if globs.len() > MAX_GLOBS {
        return Err(format!("{field}: at most {MAX_GLOBS} globs"));
    }
    let plain = |glob: &String| {
        !glob.is_empty()
            && glob.len() <= MAX_GLOB_BYTES
            && !glob.starts_with('/')
            && !glob.contains(['[', ']', '{', '}', '\\'])
            && !glob.chars().any(char::is_control)
    };
    match globs.iter().find(|glob| !plain(glob)) {
        None => Ok(()),
        Some(glob) => Err(format!(
            "{field}: {glob:?} is no glob of a path here: use names, *, ? and **, without a leading slash, at most \
             {MAX_GLOB_BYTES} bytes"
        )),
    }
}

/// The same as a regular expression of PostgreSQL, over the whole path.
pub(super) fn regex(globs: &[String]) -> String {
    let each: Vec<_> = globs.iter().map(|glob| one(glob)).collect();
    format!("^(?:{})$", each.join("|"))
}

fn one(glob: &str) -> String {
    let mut regex = String::new();
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        let (piece, taken) = if rest.starts_with("**/") {
            ("(?:.*/)?".to_owned(), 3)
        } else if rest.starts_with("**") {
            (".*".to_owned(), 2)
        } else if c == '*' {
            ("[^/]*".to_owned(), 1)
        } else if c == '?' {
            ("[^/]".to_owned(), 1)
        } else {
            (literal(c), c.len_utf8())
        };
        regex.push_str(&piece);
        rest = &rest[taken..];
    }
    regex
}

fn literal(c: char) -> String {
    let mut piece = String::new();
    if c.is_alphanumeric() || matches!(c, '_' | '/' | '-' | ' ') {
        piece.push(c);
    } else {
        write!(piece, "\\U{:08x}", u32::from(c)).expect("a string takes all");
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(list: &[&str]) -> Vec<String> {
        list.iter().map(|&glob| glob.to_owned()).collect()
    }

    #[test]
    fn the_default_takes_what_people_wrote() {
        let wanted = Globs::new(&globs(DEFAULT_INCLUDE), &globs(DEFAULT_EXCLUDE)).unwrap();
        for path in [
            "README",
            "README.md",
            "docs/a/b.md",
            "src/main.rs",
            "web/app.vue",
            "deploy/Dockerfile",
        ] {
            assert!(wanted.want(path), "{path}");
        }
        for path in [
            "logo.png",
            "web/node_modules/x/index.js",
            "vendor/a.go",
            "package-lock.json",
            "a.min.js",
        ] {
            assert!(!wanted.want(path), "{path}");
        }
    }

    #[test]
    fn what_is_not_plain_is_refused() {
        for bad in ["", "/etc/*", "a[b]", "{a,b}", "a\\b", "a\nb"] {
            assert!(check("paths", &globs(&[bad])).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_regular_expression_says_the_same() {
        assert_eq!(
            regex(&globs(&["docs/**/*.md"])),
            r"^(?:docs/(?:.*/)?[^/]*\U0000002emd)$"
        );
        assert_eq!(
            regex(&globs(&["a+(b)", "**"])),
            r"^(?:a\U0000002b\U00000028b\U00000029|.*)$"
        );
    }
}
