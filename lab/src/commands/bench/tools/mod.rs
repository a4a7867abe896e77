//! Calls of a tool: everybody reads one row for the same token, in turn.

pub(crate) mod bare;
mod python;

use std::path::{Path, PathBuf};
use std::process::Command as Line;
use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lab::{Lab, Program};
use serde_json::{Value, json};
use tokio::process::Command;

use super::database::{BESIDE, PLATFORM, Server};
use super::ingestion::rss_mib;
use super::limits::each_us;
use super::peer::Peer;
use super::results::{Callee, Round, ToolContender, Tools};
use super::{load, npm, process};

const BENCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench");
/// Before the rounds, so that connections are open and everybody has compiled what is hot.
const WARM_UP: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(300);
/// Rows in the peers' table, ours among them.
const ROWS: u32 = 10_000;
const TOOL: &str = "repository_get";

/// Those who take part, running.
struct Field<'a> {
    lab: &'a Lab,
    server: &'a Server,
    peers: Vec<(Callee, Peer)>,
    call: Call,
}

/// One call, the same for everybody.
#[derive(Clone)]
struct Call {
    token: String,
    body: String,
    /// What the answer must hold.
    repository_id: String,
}

/// Alternates between all, in reverse order every second round.
pub(super) async fn measure(
    lab: &Lab,
    server: &Server,
    kept: &Path,
    (rounds, round): (usize, Duration),
) -> anyhow::Result<Tools> {
    let field = Field::start(lab, server, kept).await?;
    let mut contenders: Vec<_> = Callee::ALL
        .into_iter()
        .map(|who| ToolContender {
            who,
            rounds: Vec::new(),
            rss_mib: 0.0,
        })
        .collect();
    for who in Callee::ALL {
        field.turn(who, WARM_UP).await?;
    }
    for number in 0..rounds {
        eprintln!("  {TOOL}, round {} of {rounds}", number + 1);
        for turn in 0..contenders.len() {
            let index = if number % 2 == 0 {
                turn
            } else {
                contenders.len() - 1 - turn
            };
            let contender = &mut contenders[index];
            contender.rounds.push(field.turn(contender.who, round).await?);
            tokio::time::sleep(PAUSE).await;
        }
    }
    for contender in &mut contenders {
        contender.rss_mib = rss_mib(field.pid(contender.who)?)?;
    }
    for (_, peer) in field.peers {
        peer.stop().await?;
    }
    Ok(Tools {
        fastmcp: python::version("fastmcp")?,
        typescript_sdk: npm::version(&lab::npm_ci("bench", "@modelcontextprotocol/sdk")?)?,
        contenders,
    })
}

impl<'a> Field<'a> {
    async fn start(lab: &'a Lab, server: &'a Server, kept: &Path) -> anyhow::Result<Self> {
        let endpoints = &lab.endpoints;
        let token = endpoints.tokens.get("viewer").context("a token")?.clone();
        let repository_id = endpoints.repository_id.to_string();
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": TOOL, "arguments": {"repository_id": repository_id}},
        });
        copy_rows(lab, server, &claims(&token)?).await?;
        let public_key = public_key(server, &endpoints.mcp_url).await?;
        let python = python::install(kept).await?;
        lab::npm_ci("bench", "@modelcontextprotocol/sdk")?;
        let options = |mut line: Line| {
            // A URL of a socket: there is no password in it.
            line.arg("--database-url").arg(server.url(BESIDE));
            line.args(["--public-key", &public_key, "--audience", &endpoints.mcp_url]);
            line
        };
        let mut fastmcp = Line::new("python3");
        fastmcp.arg(format!("{BENCH}/tools.py")).env("PYTHONPATH", python);
        let mut typescript = Line::new("node");
        typescript.arg(format!("{BENCH}/tools.mjs"));
        let mut peers = Vec::new();
        for (who, line) in [
            (Callee::BareAxum, bare("axum")?),
            (Callee::BareRmcp, bare("rmcp")?),
            (Callee::FastMcp, options(fastmcp)),
            (Callee::TypeScript, options(typescript)),
        ] {
            peers.push((who, Peer::listen(Command::from(line), "/mcp").await?));
        }
        Ok(Self {
            lab,
            server,
            peers,
            call: Call {
                token,
                body: body.to_string(),
                repository_id,
            },
        })
    }

    async fn turn(&self, who: Callee, during: Duration) -> anyhow::Result<Round> {
        let pids = [self.pid(who)?];
        let url = self.url(who).to_owned();
        let before = (process::cpu(&pids)?, process::cpu_of_tree(self.server.pid())?);
        let call = self.call.clone();
        let once = move |client: reqwest::Client| {
            let (call, url) = (call.clone(), url.clone());
            async move { call.send(&client, &url).await }
        };
        let load = load::repeat(during, once).await?;
        let server = process::cpu(&pids)?.saturating_sub(before.0);
        let database = process::cpu_of_tree(self.server.pid())?.saturating_sub(before.1);
        Ok(Round {
            requests: load.requests,
            seconds: load.seconds,
            milliseconds: Some(load.milliseconds),
            server_us: Some(each_us(server, load.requests)),
            database_us: who.reads().then(|| each_us(database, load.requests)),
        })
    }

    fn peer(&self, who: Callee) -> Option<&Peer> {
        self.peers.iter().find(|(is, _)| *is == who).map(|(_, peer)| peer)
    }

    fn pid(&self, who: Callee) -> anyhow::Result<u32> {
        match self.peer(who) {
            Some(peer) => peer.pid(),
            None => self
                .lab
                .pids(Program::McpServer)
                .first()
                .copied()
                .context("mcp-server has ended"),
        }
    }

    fn url(&self, who: Callee) -> &str {
        let peer = self.peer(who).map(|peer| &*peer.url);
        peer.unwrap_or(&self.lab.endpoints.mcp_url)
    }
}

impl Call {
    async fn send(&self, client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
        let answer = client
            .post(url)
            .bearer_auth(&self.token)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2025-11-25")
            .body(self.body.clone())
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        let is_right =
            status.is_success() && text.contains(&self.repository_id) && !text.contains("\"isError\":true");
        ensure!(is_right, "{url} answered {status}: {text}");
        Ok(())
    }
}

fn bare(kind: &str) -> anyhow::Result<Line> {
    let mut line = Line::new(std::env::current_exe().context("where this program is")?);
    line.args(["bare-server", kind]);
    Ok(line)
}

/// The claims of a token, which we trust: it is our own.
fn claims(token: &str) -> anyhow::Result<Value> {
    let claims = token.split('.').nth(1).context("a token has claims")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?)
}

/// What the platform has of the repository and the token, for the peers, among others of their kind.
async fn copy_rows(lab: &Lab, server: &Server, claims: &Value) -> anyhow::Result<()> {
    let endpoints = &lab.endpoints;
    let (owner, name) = endpoints.repository.split_once('/').context("owner and name")?;
    let jti = claims["jti"].as_str().context("a token has an id")?;
    let (project, repository) = (endpoints.project_id, endpoints.repository_id);
    let statement = format!(
        "DROP TABLE IF EXISTS peer_repositories, peer_tokens;
         CREATE TABLE peer_tokens (jti uuid PRIMARY KEY, role text NOT NULL, project_id uuid NOT NULL,
             expires_at timestamptz NOT NULL, revoked_at timestamptz);
         CREATE TABLE peer_repositories (repository_id uuid PRIMARY KEY, project_id uuid NOT NULL,
             github_repository_id bigint NOT NULL, owner text NOT NULL, name text NOT NULL,
             default_branch text NOT NULL, clone_url text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
         INSERT INTO peer_tokens SELECT gen_random_uuid(), 'viewer', gen_random_uuid(), now() + interval '1 day'
             FROM generate_series(1, {ROWS});
         INSERT INTO peer_tokens VALUES ('{jti}', 'viewer', '{project}', now() + interval '1 day');
         INSERT INTO peer_repositories SELECT gen_random_uuid(), gen_random_uuid(), n, 'octo', 'r-' || n, 'main',
             'https://github.example/octo/r' FROM generate_series(1, {ROWS}) n;
         INSERT INTO peer_repositories VALUES ('{repository}', '{project}', {}, '{owner}', '{name}', 'main',
             'https://github.example/{owner}/{name}');
         ANALYZE peer_tokens; ANALYZE peer_repositories;",
        endpoints.github_repository_id,
    );
    server.ask(BESIDE, &statement).await?;
    Ok(())
}

/// What the tokens of an audience are verified with, in hex.
async fn public_key(server: &Server, audience: &str) -> anyhow::Result<String> {
    let ask = format!(
        "SELECT encode(public_key, 'hex') FROM signing_keys WHERE audience = '{audience}' AND retired_at IS NULL \
         ORDER BY kid LIMIT 1"
    );
    Ok(server.ask(PLATFORM, &ask).await?.trim().to_owned())
}

/// Where packages for the peers are kept between two benches.
pub(super) fn kept() -> PathBuf {
    Path::new(super::ROOT).join("target/bench/peers")
}
