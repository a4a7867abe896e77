//! The console's built files at the platform's own address, for a lab. In a cluster the ingress sends browsers to the
//! console's own deployable, and nothing here is reached.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::answer::Refusal;

/// The page; every address that names no file is one of its own.
const PAGE: &str = "index.html";
/// Bytes of all files together.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// What every answer carries, the same as where nginx serves it.
const HEADERS: &str = include_str!("../../console/headers.conf");

/// The files of one build, read once: only what was there then is ever answered.
#[derive(Clone)]
pub(crate) struct Console(Arc<HashMap<String, File>>);

struct File {
    kind: &'static str,
    caching: &'static str,
    bytes: Bytes,
}

impl Console {
    /// # Errors
    ///
    /// The folder cannot be read, has no page, or is too large to be a console.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut files = HashMap::new();
        gather(folder, "", &mut files).with_context(|| format!("the console in {}", folder.display()))?;
        ensure!(files.contains_key(PAGE), "{} has no {PAGE}", folder.display());
        Ok(Self(Arc::new(files)))
    }

    /// Answers what no other route does.
    pub(crate) fn routes(self) -> Router {
        Router::new().fallback_service(get(show).with_state(self))
    }

    fn find(&self, path: &str) -> Option<&File> {
        let path = path.trim_start_matches('/');
        let named = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        self.0.get(if named { path } else { PAGE })
    }
}

fn gather(folder: &Path, beneath: &str, files: &mut HashMap<String, File>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{beneath}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            gather(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && !name.starts_with('.') {
            let file = File {
                kind: content_type(&name),
                caching: caching(&path),
                bytes: fs::read(entry.path())?.into(),
            };
            files.insert(path, file);
        }
        let bytes: usize = files.values().map(|file| file.bytes.len()).sum();
        ensure!(bytes <= MAX_BYTES, "more than {MAX_BYTES} bytes");
    }
    Ok(())
}

/// A name with a hash in it means one content for ever.
fn caching(path: &str) -> &'static str {
    if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        _ => "application/octet-stream",
    }
}

async fn show(State(console): State<Console>, uri: Uri) -> Response {
    let Some(file) = console.find(uri.path()) else {
        return Refusal::no_such_path().into_response();
    };
    let mut response = file.bytes.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(file.caching));
    headers.extend(common());
    response
}

/// `add_header Name "value" always;`, line by line.
fn common() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    HEADERS.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("add_header ")?.split_once(" \"")?;
        let value = value.strip_suffix("\" always;")?;
        Some((name.parse().ok()?, HeaderValue::from_static(value)))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn console() -> (tempfile::TempDir, Console) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("assets")).unwrap();
        for (name, text) in [
            ("index.html", "<!doctype html>"),
            ("assets/a-1.js", "1"),
            (".content", "hash"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let console = Console::read(folder.path()).unwrap();
        (folder, console)
    }

    #[rstest]
    #[case("/", Some("text/html; charset=utf-8"))]
    #[case("/p/demo/runs", Some("text/html; charset=utf-8"))]
    #[case("/assets/a-1.js", Some("text/javascript; charset=utf-8"))]
    #[case("/assets/a-2.js", None)]
    #[case("/.content", None)]
    #[case("/../Cargo.toml", None)]
    #[case("//etc/hosts.txt", None)]
    fn only_files_of_the_build_are_answered(#[case] path: &str, #[case] kind: Option<&str>) {
        let (_folder, console) = console();
        assert_eq!(console.find(path).map(|file| file.kind), kind);
    }

    #[tokio::test]
    async fn every_answer_says_what_a_browser_may_do() {
        let (_folder, console) = console();
        let answer = show(State(console), Uri::from_static("/inbox")).await;
        let headers = answer.headers();
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(headers.contains_key("strict-transport-security"));
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"));
        assert_eq!(
            common().count(),
            HEADERS.lines().filter(|line| !line.starts_with('#')).count()
        );
    }

    #[test]
    fn a_folder_without_a_page_is_no_console() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Console::read(folder.path()).is_err());
    }
}
