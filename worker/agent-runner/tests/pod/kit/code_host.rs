//! A Git remote over smart HTTP: `git http-backend` behind basic authentication.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::GIT_TOKEN;

pub(crate) struct CodeHost {
    pub(crate) url: String,
    folder: tempfile::TempDir,
}

impl CodeHost {
    /// Serves a repository with one commit on `main`.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bare = folder.path().join("shop.git");
        let work = folder.path().join("seed");
        git(
            folder.path(),
            &["init", "-q", "--bare", "-b", "main", bare.to_str().expect("text")],
        );
        git(&bare, &["config", "http.receivepack", "true"]);
        git(
            folder.path(),
            &["init", "-q", "-b", "main", work.to_str().expect("text")],
        );
        std::fs::write(work.join("README.md"), "# shop\n").expect("written");
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "first"]);
        git(&work, &["push", "-q", bare.to_str().expect("text"), "main"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/shop.git", listener.local_addr().expect("an address"));
        let root: Arc<PathBuf> = Arc::new(folder.path().to_path_buf());
        let router = Router::new().fallback(serve).with_state(root);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, folder }
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("shop.git")
    }

    /// What Git says about the repository, as the code host sees it.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        git(&self.bare(), arguments)
    }

    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        let sha = self.ask(&[
            "for-each-ref",
            "--format=%(objectname)",
            &format!("refs/heads/{branch}"),
        ]);
        (!sha.is_empty()).then_some(sha)
    }

    /// Somebody else commits to a branch.
    pub(crate) fn commit_elsewhere(&self, branch: &str) {
        let tree = self.ask(&["rev-parse", "main^{tree}"]);
        let commit = self.ask(&["commit-tree", &tree, "-p", "main", "-m", "elsewhere"]);
        self.ask(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
    }
}

/// Runs Git with nothing of the machine's configuration; panics with its words if it fails.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.com")
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn serve(State(root): State<Arc<PathBuf>>, request: Request) -> Response {
    let expected = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("x-access-token:{GIT_TOKEN}"))
    );
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if shown != Some(expected.as_str()) {
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = StatusCode::UNAUTHORIZED;
        refused.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            "Basic realm=\"git\"".parse().expect("a header"),
        );
        return refused;
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let text = |name| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let mut child = Command::new("git")
        .args(["-c", "safe.directory=*", "http-backend"])
        .env("GIT_PROJECT_ROOT", root.as_path())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "x-access-token")
        .env("REQUEST_METHOD", head.method.as_str())
        .env("PATH_INFO", head.uri.path())
        .env("QUERY_STRING", head.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING))
        .env(
            "GIT_PROTOCOL",
            head.headers
                .get("git-protocol")
                .map_or("", |value| value.to_str().unwrap_or("")),
        )
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git http-backend");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feeding = tokio::spawn(async move { stdin.write_all(&body).await });
    let output = child.wait_with_output().await.expect("an end");
    let _ = feeding.await;
    cgi(&output.stdout)
}

fn cgi(output: &[u8]) -> Response {
    let end = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    let mut headers = HeaderMap::new();
    let mut status = StatusCode::OK;
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        if name == "Status" {
            status = value[..3].parse().expect("a status");
        } else {
            let name: header::HeaderName = name.parse().expect("a name");
            headers.insert(name, value.parse().expect("a value"));
        }
    }
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
