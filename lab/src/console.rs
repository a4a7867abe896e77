//! The console, built with the user's own Node where that is there, else a page that says how.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

/// What the build reads, beneath `console/`.
const SOURCES: [&str; 9] = [
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "tsconfig.json",
    "headers.conf",
    "public",
    "scripts",
    "src",
];
/// Holds the hash of the sources that were built.
const STAMP: &str = ".content";
const NPM_CI: [&str; 5] = [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
];

/// Answers a folder to serve: the console as its sources are now, or a page that says why it is not there.
///
/// # Errors
///
/// Nothing can be written beneath the lab's folder.
pub fn console(lab: &Path) -> anyhow::Result<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("console");
    match built(&sources) {
        Ok(folder) => Ok(folder),
        Err(why) => {
            eprintln!("the console is not built: {why:#}");
            absent(lab, &format!("{why:#}"))
        }
    }
}

/// Builds it, unless these very sources were built before.
fn built(sources: &Path) -> anyhow::Result<PathBuf> {
    let locked = sources.join("package-lock.json");
    let lock = File::open(&locked).with_context(|| format!("reading {}", locked.display()))?;
    lock.lock().context("waiting for another build")?;
    let (folder, content) = (sources.join("dist"), content(sources)?);
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|built| built == content) {
        return Ok(folder);
    }
    eprintln!("building the console (once per change)");
    let installed = sources.join("node_modules/.package-lock.json");
    let age = |file: &Path| fs::metadata(file).and_then(|it| it.modified()).ok();
    if age(&installed) < age(&locked) {
        run(sources, &NPM_CI)?;
        // npm leaves the file alone when there was nothing to do.
        File::options()
            .append(true)
            .open(&installed)?
            .set_modified(std::time::SystemTime::now())?;
    }
    run(sources, &["run", "--silent", "build"])?;
    fs::write(&stamp, content)?;
    Ok(folder)
}

fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let ended = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .output()
        .context("cannot run npm; install Node.js 20 or newer with npm, and start the lab again")?;
    ensure!(
        ended.status.success(),
        "`npm {}` in console/ failed: {}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(())
}

/// One hash over the names and bytes of all that the build reads.
fn content(sources: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    for name in SOURCES {
        gather(&sources.join(name), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let bytes = fs::read(&file)?;
        hash.update(file.strip_prefix(sources)?.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(u64::try_from(bytes.len())?.to_be_bytes());
        hash.update(bytes);
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            gather(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}

/// A page without a script in the console's place.
fn absent(lab: &Path, why: &str) -> anyhow::Result<PathBuf> {
    let why = why.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>The console is not built</title>\
         <h1>The console is not built</h1>\
         <p>It needs Node.js 20 or newer with npm. Install it, then start the lab again: <code>make up</code> builds the \
         console by itself.</p><h2>What happened</h2><pre>{why}</pre>\
         <p>The tools work without it, at <code>/mcp</code>; <a href=\"/login\">sign in</a> works too.</p></html>"
    );
    let folder = lab.join("no-console");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("index.html"), page))
        .with_context(|| format!("writing {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_known_by_its_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("src/main.ts");
        fs::create_dir(folder.path().join("src")).expect("made");
        let mut seen = Vec::new();
        for text in ["one", "two", "one"] {
            fs::write(&source, text).expect("written");
            fs::write(folder.path().join("notes.md"), text).expect("written");
            seen.push(content(folder.path()).expect("read"));
        }
        assert_eq!(seen[0], seen[2]);
        assert_ne!(seen[0], seen[1]);
        fs::rename(&source, folder.path().join("src/other.ts")).expect("renamed");
        assert_ne!(seen[0], content(folder.path()).expect("read"));
    }

    #[test]
    fn sources_that_were_built_are_not_built_again() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("dist")).expect("made");
        fs::write(folder.path().join("package-lock.json"), "{}").expect("written");
        let stamp = content(folder.path()).expect("read");
        fs::write(folder.path().join("dist").join(STAMP), stamp).expect("written");
        assert_eq!(built(folder.path()).expect("there"), folder.path().join("dist"));
    }

    #[test]
    fn without_a_console_a_page_says_how() {
        let lab = tempfile::tempdir().expect("a folder");
        let folder = absent(lab.path(), "<b>npm</b> is missing").expect("written");
        let page = fs::read_to_string(folder.join("index.html")).expect("there");
        assert!(page.contains("make up") && page.contains("&lt;b>npm"));
    }
}
