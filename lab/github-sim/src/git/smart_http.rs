//! Git's smart HTTP protocol, answered by git's own `http-backend` as a CGI child.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::time::{Instant, timeout_at};

use super::{changes, guard};
use crate::act::push;
use crate::auth::{self, Caller};
use crate::fault::Effect;
use crate::http::{Connection, Problem};
use crate::log::RequestEntry;
use crate::sim::Inner;
use crate::world::{Level, Role};

/// A clone or push of a lab that takes longer is stuck; the child is killed.
const TIMEOUT: Duration = Duration::from_mins(2);
/// The largest pack taken.
const MAX_PACK: usize = 512 << 20;
/// What git says of a push: messages, never a pack.
const MAX_REPORT: u64 = 8 << 20;

/// Reads `/<owner>/<name>.git/<what>` if a path is one git asks for.
pub(crate) fn split_path(path: &str) -> Option<(&str, &str, &str)> {
    let (owner, rest) = path.strip_prefix('/')?.split_once('/')?;
    let (name, what) = rest.split_once(".git/")?;
    let known = matches!(what, "info/refs" | "git-upload-pack" | "git-receive-pack");
    (known && !name.contains('/')).then_some((owner, name, what))
}

/// What one git request wants, after it was let in.
struct Asked {
    repository: u64,
    caller: Caller,
    what: String,
    method: Method,
    query: String,
    headers: HeaderMap,
}

/// Answers clone, fetch and push.
pub(crate) async fn serve(sim: &Arc<Inner>, request: Request, connection: &Connection) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let query = request.uri().query().unwrap_or("").to_owned();
    let fault = sim.faults().take(&method, &path);
    if let Some(Effect::Slow { milliseconds }) = fault {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    let mut caller = Caller::Nobody;
    let refused = fault.as_ref().and_then(Effect::refusal);
    let mut response = match refused {
        Some(problem) => text(problem.status, &problem.message),
        None if fault == Some(Effect::BrokenBefore) => text(StatusCode::BAD_GATEWAY, ""),
        None => match admit(sim, &request, &mut caller) {
            Ok(asked) => pass_on(sim, asked, request.into_body()).await,
            Err(response) => *response,
        },
    };
    match fault {
        Some(Effect::ErrorAfter { status }) => {
            response = text(
                StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
                "Server Error",
            );
        }
        Some(Effect::BrokenBefore | Effect::BrokenAfter) => connection.break_off(),
        _ => {}
    }
    sim.log().request(RequestEntry {
        method,
        path,
        query,
        status: response.status().as_u16(),
        caller: caller.describe(),
        fault,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        ..RequestEntry::at(sim.world().now())
    });
    response
}

/// Checks the credentials: reading needs `contents: read`, pushing `contents: write`.
fn admit(sim: &Arc<Inner>, request: &Request, caller: &mut Caller) -> Result<Asked, Box<Response>> {
    let (owner, name, what) = split_path(request.uri().path()).ok_or_else(|| Box::new(missing()))?;
    let query = request.uri().query().unwrap_or("").to_owned();
    let pushes = what == "git-receive-pack" || query.contains("service=git-receive-pack");
    let mut world = sim.world();
    if let Some(shown) = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
    {
        *caller = auth::from_basic(&mut world, shown).map_err(|_| Box::new(unauthorized()))?;
    }
    let Some(about) = world.repository_named(owner, name) else {
        // GitHub asks strangers to sign in rather than say what exists.
        let stranger = matches!(caller, Caller::Nobody);
        return Err(Box::new(if stranger { unauthorized() } else { missing() }));
    };
    let (level, role) = if pushes {
        (Level::Write, Role::Write)
    } else {
        (Level::Read, Role::Read)
    };
    match auth::allows(&world, caller, about, &[("contents", level)], role) {
        Ok(()) => {}
        Err(_) if matches!(caller, Caller::Nobody) => return Err(Box::new(unauthorized())),
        Err(Problem {
            status: StatusCode::NOT_FOUND,
            ..
        }) => return Err(Box::new(missing())),
        Err(_) => {
            let who = world.login(caller.account_id());
            let message = format!("Permission to {owner}/{name}.git denied to {who}.");
            return Err(Box::new(text(StatusCode::FORBIDDEN, &message)));
        }
    }
    Ok(Asked {
        repository: about.id,
        caller: caller.clone(),
        what: what.to_owned(),
        method: request.method().clone(),
        query,
        headers: request.headers().clone(),
    })
}

async fn pass_on(sim: &Arc<Inner>, asked: Asked, body: Body) -> Response {
    let result = if asked.what == "git-receive-pack" {
        push_through(sim, &asked, body).await
    } else {
        read_through(sim, &asked, body).await
    };
    result.unwrap_or_else(|error| {
        tracing::warn!(error = format!("{error:#}"), "git http-backend failed");
        text(StatusCode::BAD_GATEWAY, "git http-backend failed")
    })
}

/// Lets git take a push, then tells of the refs it moved.
async fn push_through(sim: &Arc<Inner>, asked: &Asked, body: Body) -> Result<Response> {
    let _turn = sim.push_turn(asked.repository).await;
    let before = sim.git.refs(asked.repository).await?;
    let mut backend = Backend::start(sim, asked, body)?;
    let (status, headers) = backend.head().await?;
    let mut report = Vec::new();
    let mut said = (&mut backend.out).take(MAX_REPORT);
    timeout_at(backend.deadline, said.read_to_end(&mut report))
        .await
        .context("git did not end")??;
    timeout_at(backend.deadline, backend.child.wait())
        .await
        .context("git did not end")??;
    let after = sim.git.refs(asked.repository).await?;
    push::moved(
        sim,
        asked.repository,
        asked.caller.account_id(),
        &changes(&before, &after),
    )
    .await?;
    sim.flush();
    Ok(assemble(status, headers, Body::from(report)))
}

/// Streams what git answers to a clone or fetch.
async fn read_through(sim: &Arc<Inner>, asked: &Asked, body: Body) -> Result<Response> {
    let mut backend = Backend::start(sim, asked, body)?;
    let (status, headers) = backend.head().await?;
    let chunks = stream::unfold(Some(backend), |backend| async move {
        let mut backend = backend?;
        let mut chunk = vec![0; 64 << 10];
        match timeout_at(backend.deadline, backend.out.read(&mut chunk)).await {
            Ok(Ok(0)) => None,
            Ok(Ok(length)) => {
                chunk.truncate(length);
                Some((Ok(Bytes::from(chunk)), Some(backend)))
            }
            Ok(Err(error)) => Some((Err(error), None)),
            Err(_) => Some((Err(std::io::ErrorKind::TimedOut.into()), None)),
        }
    });
    Ok(assemble(status, headers, Body::from_stream(chunks)))
}

/// The child; dropping it kills it.
struct Backend {
    child: Child,
    out: BufReader<ChildStdout>,
    deadline: Instant,
}

impl Backend {
    fn start(sim: &Arc<Inner>, asked: &Asked, body: Body) -> Result<Self> {
        let header = |name| asked.headers.get(name).and_then(|value| value.to_str().ok());
        let mut command = sim.git.command();
        command
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", sim.git.root())
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", format!("/{}.git/{}", asked.repository, asked.what))
            .env("QUERY_STRING", &asked.query)
            .env("REQUEST_METHOD", asked.method.as_str())
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("REMOTE_USER", asked.caller.account_id().to_string());
        let passed = [
            ("CONTENT_TYPE", header(CONTENT_TYPE.as_str())),
            ("CONTENT_LENGTH", header(CONTENT_LENGTH.as_str())),
            ("HTTP_CONTENT_ENCODING", header(CONTENT_ENCODING.as_str())),
            ("GIT_PROTOCOL", header("git-protocol")),
        ];
        for (name, value) in passed {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(hooks) = guard::hooks(sim.git.root(), &asked.caller) {
            command
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", "core.hooksPath")
                .env("GIT_CONFIG_VALUE_0", hooks);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("git http-backend does not start")?;
        let deadline = Instant::now() + TIMEOUT;
        let mut stdin = child.stdin.take().context("git has no input")?;
        let out = BufReader::new(child.stdout.take().context("git has no output")?);
        let feed = async move {
            let mut chunks = body.into_data_stream();
            let mut total = 0;
            while let Some(Ok(chunk)) = chunks.next().await {
                total += chunk.len();
                if total > MAX_PACK || stdin.write_all(&chunk).await.is_err() {
                    break;
                }
            }
        };
        tokio::spawn(timeout_at(deadline, feed));
        Ok(Self { child, out, deadline })
    }

    /// Reads the CGI header lines.
    async fn head(&mut self) -> Result<(StatusCode, HeaderMap)> {
        let (mut status, mut headers) = (StatusCode::OK, HeaderMap::new());
        loop {
            let mut line = String::new();
            let read = timeout_at(self.deadline, self.out.read_line(&mut line)).await;
            let length = read.context("git did not answer in time")??;
            ensure!(length > 0, "git ended without an answer");
            let line = line.trim_end();
            if line.is_empty() {
                return Ok((status, headers));
            }
            let Some((name, value)) = line.split_once(':') else {
                bail!("git sent no header but {line:?}")
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("status") {
                status = value
                    .split(' ')
                    .next()
                    .unwrap_or("")
                    .parse()
                    .context("reading git's status")?;
            } else {
                let name: http::HeaderName = name.parse().context("reading git's header")?;
                headers.insert(name, HeaderValue::from_str(value)?);
            }
        }
    }
}

fn assemble(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn text(status: StatusCode, message: &str) -> Response {
    let mut response = Response::new(Body::from(message.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn missing() -> Response {
    text(StatusCode::NOT_FOUND, "Repository not found.")
}

fn unauthorized() -> Response {
    let message = "Invalid username or token. Password authentication is not supported for Git operations.";
    let mut response = text(StatusCode::UNAUTHORIZED, message);
    response.headers_mut().insert(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"GitHub\""),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_paths_git_asks_for() {
        assert_eq!(
            split_path("/acme/web.git/info/refs"),
            Some(("acme", "web", "info/refs"))
        );
        assert_eq!(
            split_path("/acme/web.git/git-upload-pack"),
            Some(("acme", "web", "git-upload-pack"))
        );
        assert_eq!(split_path("/acme/web.git/config"), None);
        assert_eq!(split_path("/acme/web/issues/1"), None);
    }
}
