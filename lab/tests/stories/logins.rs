//! Staff with the real CLIs: each signs in through the browser, calls a tool as that person, refreshes its token by itself,
//! and is out once the grant is revoked.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use lab::Endpoints;
use model_sim::{ModelScript, ModelSim, Scripts, Step, Usage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::kit::{Browser, PATIENCE, World, cli, form};

const KEY: &str = "a-key-of-the-desk";

/// A CLI on somebody's computer: its program, and the folder of its settings.
struct Desk {
    program: PathBuf,
    home: PathBuf,
    model: ModelSim,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Codex,
    Claude,
}

/// What it keeps of its login.
#[derive(Debug)]
struct Kept {
    access: String,
    refresh: String,
    client_id: String,
}

impl Desk {
    async fn new(world: &World, kind: Kind) -> Option<Self> {
        let program = match kind {
            Kind::Codex => cli(lab::CODEX).await?,
            Kind::Claude => cli(lab::CLAUDE).await?,
        };
        let home = world.folder().join("desk");
        std::fs::create_dir(&home).expect("a folder");
        let desk = Self {
            program,
            home,
            model: model().await,
            kind,
        };
        desk.settle(&world.lab.endpoints).await;
        Some(desk)
    }

    /// Tells it where the platform is.
    async fn settle(&self, endpoints: &Endpoints) {
        let url = &endpoints.public_mcp_url;
        match self.kind {
            Kind::Codex => {
                let config = format!(
                    "mcp_oauth_credentials_store = \"file\"\nmodel = \"scripted\"\nmodel_provider = \"scripted\"\n\
                     [model_providers.scripted]\nname = \"scripted\"\nbase_url = \"{}\"\nwire_api = \"responses\"\n\
                     env_key = \"MODEL_KEY\"\n[mcp_servers.platform]\nurl = \"{url}\"\nrequired = true\n",
                    self.model.url()
                );
                std::fs::write(self.home.join("config.toml"), config).expect("written");
            }
            Kind::Claude => {
                let words = [
                    "mcp",
                    "add",
                    "--scope",
                    "user",
                    "--transport",
                    "http",
                    "platform",
                    url,
                ];
                let added = self.command(&self.program).args(words).output();
                let added = added.await.expect("it runs");
                assert!(added.status.success(), "{added:?}");
            }
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("BROWSER", "true")
            .current_dir(&self.home)
            .kill_on_drop(true);
        match self.kind {
            Kind::Codex => command.env("CODEX_HOME", &self.home).env("MODEL_KEY", KEY),
            Kind::Claude => command
                .env("CLAUDE_CONFIG_DIR", &self.home)
                .env("ANTHROPIC_BASE_URL", self.model.url().trim_end_matches("/v1"))
                .env("ANTHROPIC_API_KEY", KEY)
                .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                .env("DISABLE_AUTOUPDATER", "1")
                // All tools at once, instead of those that it looked for.
                .env("ENABLE_TOOL_SEARCH", "false")
                .env("IS_SANDBOX", "1"),
        };
        command
    }

    /// Signs in: the CLI waits for its browser, which is played here. Claude Code wants a terminal, so both have one.
    async fn login(&self, endpoints: &Endpoints, login: &str) {
        let line = format!("'{}' mcp login platform --no-browser", self.program.display());
        let mut signing_in = self
            .command(Path::new("script"))
            .args(["-q", "-e", "-c", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a terminal; install bsdutils");
        // At its end the CLI would give up.
        let typing = signing_in.stdin.take().expect("an input");
        let mut screen = signing_in.stdout.take().expect("an output");
        let asked = format!("{}/authorize?", endpoints.gateway_url);
        let mut shown = String::new();
        let asked = loop {
            let mut bytes = vec![0; 4096];
            let read = screen.read(&mut bytes).await.expect("read");
            assert!(read > 0, "no address to open: {shown:?}");
            shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
            if let Some(asked) = whole_word(&shown, &asked) {
                break asked.to_owned();
            }
        };
        let back = Browser::new().let_in(endpoints, &asked, login).await;
        reqwest::get(back).await.expect("the CLI takes the answer");
        let mut rest = String::new();
        let _ = screen.read_to_string(&mut rest).await;
        let ended = signing_in.wait().await.expect("an end");
        assert!(ended.success(), "{shown}{rest}");
        drop(typing);
    }

    /// Has it call a tool; answers what the model was told of it, if the tool was there.
    async fn who_am_i(&self) -> Option<String> {
        let before = self.model.log().len();
        let words: &[&str] = match self.kind {
            Kind::Codex => &[
                "exec",
                "--json",
                "--skip-git-repo-check",
                "--dangerously-bypass-approvals-and-sandbox",
                "-",
            ],
            Kind::Claude => &[
                "--print",
                "--output-format",
                "json",
                "--model",
                "scripted",
                "--permission-mode",
                "bypassPermissions",
            ],
        };
        let mut asking = self.command(&self.program);
        asking.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut asking = asking.stderr(Stdio::piped()).spawn().expect("it runs");
        let mut input = asking.stdin.take().expect("an input");
        input.write_all(b"Who am I?").await.expect("told");
        drop(input);
        let ended = asking.wait_with_output().await.expect("an end");
        println!("{ended:?}");
        let log = self.model.log();
        log[before..]
            .iter()
            .find_map(|request| request.last_result.clone())
    }

    fn file(&self) -> PathBuf {
        self.home.join(".credentials.json")
    }

    /// The file of its credentials, and the one entry of it.
    fn credentials<T>(&self, look: impl FnOnce(&mut Value) -> T) -> T {
        let text = std::fs::read(self.file()).expect("it keeps its login");
        let mut whole: Value = serde_json::from_slice(&text).expect("JSON");
        let entries = match self.kind {
            Kind::Codex => &mut whole,
            Kind::Claude => &mut whole["mcpOAuth"],
        };
        let entry = entries.as_object_mut().and_then(|all| all.values_mut().next());
        let seen = look(entry.expect("a login"));
        std::fs::write(self.file(), whole.to_string()).expect("written");
        seen
    }

    /// Names of the members of an entry.
    fn names(&self) -> [&'static str; 4] {
        match self.kind {
            Kind::Codex => ["access_token", "refresh_token", "client_id", "expires_at"],
            Kind::Claude => ["accessToken", "refreshToken", "clientId", "expiresAt"],
        }
    }

    fn kept(&self) -> Kept {
        let [access, refresh, client_id, _] = self.names();
        self.credentials(|entry| {
            let text = |name: &str| entry[name].as_str().expect("text").to_owned();
            Kept {
                access: text(access),
                refresh: text(refresh),
                client_id: text(client_id),
            }
        })
    }

    /// Lets it believe that its token is too old.
    fn expire(&self) {
        let [.., expires_at] = self.names();
        self.credentials(|entry| entry[expires_at] = json!(1));
    }
}

/// The word that begins so, once something stands behind it: a blank, or a sign of the terminal.
fn whole_word<'a>(text: &'a str, begins: &str) -> Option<&'a str> {
    let word = &text[text.find(begins)?..];
    let end = word.find(|sign: char| sign.is_whitespace() || sign.is_control())?;
    Some(&word[..end])
}

async fn model() -> ModelSim {
    let call = Step::Call {
        tool: "principal_get".into(),
        arguments: json!({}),
    };
    let default = ModelScript {
        steps: vec![call, Step::Say("done".into())],
        usage: Usage::default(),
    };
    ModelSim::start(model_sim::Config {
        listen: "127.0.0.1:0".parse().expect("an address"),
        key: KEY.into(),
        scripts: Scripts {
            default,
            ..Scripts::default()
        },
    })
    .await
    .expect("a model")
}

async fn lives(kind: Kind) {
    let world = World::new().await;
    let Some(desk) = Desk::new(&world, kind).await else {
        return world.end().await;
    };
    let endpoints = &world.lab.endpoints;
    let signed_in = tokio::time::timeout(PATIENCE, desk.login(endpoints, "mia")).await;
    signed_in.expect("signed in");
    let told = desk.who_am_i().await.expect("the tool is called");
    assert!(told.contains("mia") && told.contains("person"), "{told}");

    let first = desk.kept();
    desk.expire();
    let told = desk.who_am_i().await.expect("the tool is called");
    assert!(told.contains("mia"), "{told}");
    let second = desk.kept();
    assert!(
        first.access != second.access && first.refresh != second.refresh,
        "it refreshed: {first:?} {second:?}"
    );

    let fields = [("token", &second.refresh), ("client_id", &second.client_id)];
    let revoked = Browser::new()
        .http
        .post(format!("{}/revoke", endpoints.gateway_url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(fields))
        .send()
        .await
        .expect("an answer");
    assert_eq!(revoked.status(), 200);
    assert_eq!(desk.who_am_i().await, None, "its tools are gone");
    world.end().await;
}

#[tokio::test]
async fn codex_signs_in_and_works_until_it_is_revoked() {
    lives(Kind::Codex).await;
}

#[tokio::test]
async fn claude_code_signs_in_and_works_until_it_is_revoked() {
    lives(Kind::Claude).await;
}
