//! The lab's command line, as people and scripts use it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use lab::{Client, Endpoints};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use orchestrator::actor::Role;
use orchestrator::project::{self, Limits};
use orchestrator::{Actor, Clock, Orchestrator, Settings};
use serde_json::{Value, json};

use crate::kit::eventually;

/// A folder for a lab, and a terminal in front of it.
struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lab-")
            .tempdir()
            .expect("a folder");
        Self { folder }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    fn command(&self, words: &[&str], more: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .args(words)
            .env("LAB_DIR", self.dir())
            .env("LAB_PORT", "0")
            .env_remove("DATABASE_URL")
            .env("DEMO_JSON", self.folder.path().join("demo.json"))
            .envs(more.iter().copied())
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, words: &[&str], more: &[(&str, &str)]) -> Output {
        let mut command = self.command(words, more);
        let output = tokio::task::spawn_blocking(move || command.output());
        output.await.expect("joined").expect("the lab's program runs")
    }

    /// What the demo wrote for scripts.
    fn demo_json(&self) -> Value {
        let file = self.folder.path().join("demo.json");
        let text = std::fs::read_to_string(&file).expect("DEMO_JSON is written, however the demo ends");
        std::fs::remove_file(file).expect("removed");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Starts a lab that stays, and waits until it is up.
    async fn up(&self, more: &[(&str, &str)]) -> Up {
        let said = self.folder.path().join("said");
        let out = std::fs::File::create(&said).expect("a file");
        let child = self
            .command(&["up"], more)
            .stdout(out)
            .spawn()
            .expect("the lab's program runs");
        let mut up = Up { child, said };
        eventually("the lab is up", async || {
            assert_eq!(up.child.try_wait().expect("a child"), None, "{}", up.said());
            up.said().contains("Stop with Ctrl-C").then_some(())
        })
        .await;
        up
    }
}

struct Up {
    child: std::process::Child,
    said: PathBuf,
}

impl Up {
    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    async fn ended(&mut self) -> ExitStatus {
        eventually("the lab has ended", async || {
            self.child.try_wait().expect("a child")
        })
        .await
    }

    async fn killed(&mut self) {
        self.child.kill().expect("it was alive");
        self.ended().await;
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // A story that failed leaves no lab behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), text.concat())
}

/// Processes that name a folder in their command line.
fn processes_about(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("a path");
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = entries.filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(folder).then_some(line)
    });
    lines.collect()
}

/// The first of six ports in a row that nobody uses now.
fn six_ports() -> u16 {
    let is_free = |first: &u16| (0..6).all(|more| TcpListener::bind(("127.0.0.1", first + more)).is_ok());
    let mut firsts = (20_000..30_000).step_by(17);
    firsts
        .find(|first| is_free(first))
        .expect("six free ports in a row")
}

fn whole(endpoints: &Value) {
    for field in [
        "gateway_url",
        "login_url",
        "public_mcp_url",
        "webhook_url",
        "webhook_secret",
        "mcp_url",
        "github_url",
        "github_api_url",
        "github_key",
        "model_url",
        "kubeconfig",
        "database_url",
        "master_key_file",
        "project_id",
        "repository",
    ] {
        let value = endpoints[field].as_str().unwrap_or_default();
        assert!(!value.is_empty(), "{field} is missing in {endpoints:#}");
    }
    for role in Role::ALL {
        assert!(endpoints["tokens"][role.to_string()].is_string(), "{role}");
    }
}

#[tokio::test]
async fn one_lab_from_its_start_to_its_end() {
    let terminal = Terminal::new();
    let mut up = terminal.up(&[]).await;
    let file = Endpoints::file(&terminal.dir());
    let mode = std::fs::metadata(&file)
        .expect("endpoints.json")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).expect("endpoints.json");
    whole(&serde_json::from_str(&text).expect("JSON"));
    let endpoints = Endpoints::read(&terminal.dir()).expect("endpoints");

    let notice = up.said();
    assert!(notice.contains("DEMO."), "{notice}");
    assert!(notice.contains(&endpoints.page("issues/1")), "{notice}");
    for token in endpoints.tokens.values() {
        assert!(notice.contains(token), "one token per role: {notice}");
    }

    let (code, text) = said(&terminal.run(&["up"], &[]).await);
    assert!(code != Some(0) && text.contains("runs in"), "{code:?} {text}");

    the_demo(&terminal).await;
    a_demo_that_fails(&terminal, &endpoints).await;

    let (code, text) = said(&terminal.run(&["reset"], &[]).await);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(up.ended().await.code(), Some(0), "stopped in order");
    assert!(!terminal.dir().exists(), "and forgotten");
    let (code, text) = said(&terminal.run(&["down"], &[]).await);
    assert!(code == Some(0) && text.contains("no lab runs"), "{code:?} {text}");
}

async fn the_demo(terminal: &Terminal) {
    let (code, text) = said(&terminal.run(&["demo"], &[]).await);
    assert_eq!(code, Some(0), "{text}");
    let json = terminal.demo_json();
    assert_eq!(json["state"], "succeeded", "{json:#}");
    for field in ["run_id", "pr_url", "branch", "head_sha"] {
        assert!(json[field].is_string(), "{field} in {json:#}");
    }
    assert!(json["pr_number"].is_i64(), "{json:#}");
    assert!(json["seconds"].as_f64() > Some(0.0), "{json:#}");
    assert!(
        json["events"].as_array().is_some_and(|events| events.len() > 3),
        "{json:#}"
    );
    assert!(
        text.contains(json["pr_url"].as_str().unwrap_or_default()),
        "{text}"
    );
    assert!(text.contains("+## Greeting"), "the diff is shown: {text}");

    // What the lab that runs cannot do is refused, and not left out.
    for more in [
        [("LAB_SPLIT", "1"), ("LAB_REPLICAS", "1")],
        [
            ("MODEL_URL", "https://model.example/v1"),
            ("MODEL_KEY_FILE", "/dev/null"),
        ],
    ] {
        let (code, text) = said(&terminal.run(&["demo"], &more).await);
        assert!(code != Some(0) && text.contains(more[0].0), "{code:?} {text}");
        let json = terminal.demo_json();
        assert!(json["run_id"].is_null(), "{json:#}");
        assert!(
            json["error"].as_str().is_some_and(|why| why.contains(more[0].0)),
            "{json:#}"
        );
    }
}

/// The project runs nothing now, so the demo's run waits until somebody cancels it.
async fn a_demo_that_fails(terminal: &Terminal, endpoints: &Endpoints) {
    let secrets = terminal.dir().join("secrets");
    let settings = Settings::read(
        &secrets.join("database-url"),
        Some(&secrets.join("master-key")),
        2,
    );
    let orchestrator = Orchestrator::open(settings.expect("settings"), Clock::default())
        .await
        .expect("the lab's database answers");
    let system = Actor::System("story");
    let project_id = endpoints.project_id.into();
    let nothing = Limits {
        max_live_runs: 0,
        ..Limits::default()
    };
    project::set_limits(&orchestrator, &system, project_id, nothing)
        .await
        .expect("limits");
    let staff = Client::new(endpoints, "maintainer").expect("a token of this role");
    let cancelled = async {
        let run_id = eventually("the demo's run", async || {
            let runs = staff.call("run_list", json!({ "state": "queued" })).await;
            let runs = runs.expect("a list");
            runs["runs"][0]["run_id"].as_str().map(str::to_owned)
        })
        .await;
        let ask = json!({ "run_id": run_id });
        staff.call("run_cancel", ask).await.expect("cancelled");
        run_id
    };
    let (output, run_id) = tokio::join!(terminal.run(&["demo"], &[]), cancelled);
    let (code, text) = said(&output);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("\"summary\""), "run_explain is shown: {text}");
    let json = terminal.demo_json();
    assert_eq!(
        (&json["state"], &json["run_id"]),
        (&json!("cancelled"), &json!(run_id)),
        "{json:#}"
    );
    orchestrator.close().await;
}

#[tokio::test]
async fn two_labs_side_by_side_and_one_is_killed() {
    let (quiet, unlucky) = (Terminal::new(), Terminal::new());
    let mut first = quiet.up(&[]).await;
    let port = six_ports();
    let more = [("LAB_SPLIT", "1".to_owned()), ("LAB_PORT", port.to_string())];
    let more: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut second = unlucky.up(&more).await;
    let endpoints = Endpoints::read(&unlucky.dir()).expect("endpoints");
    assert_eq!(endpoints.gateway_url, format!("http://127.0.0.1:{port}"));
    for dir in [quiet.dir(), unlucky.dir()] {
        let endpoints = Endpoints::read(&dir).expect("endpoints");
        let client = Client::new(&endpoints, "viewer").expect("a token of this role");
        client.call("principal_get", json!({})).await.expect("it answers");
    }
    // What children say is in the lab's log.
    let log = std::fs::read_to_string(unlucky.dir().join("lab.log")).expect("a log");
    for program in ["gateway", "mcp-server", "worker"] {
        assert!(
            log.contains(&format!("service=\"{program}\"")),
            "{program}: {log}"
        );
    }

    second.killed().await;
    eventually("nothing of a killed lab is left", async || {
        processes_about(&unlucky.dir()).is_empty().then_some(())
    })
    .await;
    // It left its endpoints behind, and nobody is signalled for them.
    assert!(Endpoints::file(&unlucky.dir()).exists());
    let (code, text) = said(&unlucky.run(&["down"], &[]).await);
    assert!(code == Some(0) && text.contains("no lab runs"), "{code:?} {text}");

    let pid = Pid::from_raw(i32::try_from(first.child.id()).expect("a process id"));
    kill(pid, None).expect("the other lab lives");
    let (code, text) = said(&quiet.run(&["down"], &[]).await);
    assert!(code == Some(0) && text.contains("stopped"), "{code:?} {text}");
    assert_eq!(first.ended().await.code(), Some(0));
    assert!(!Endpoints::file(&quiet.dir()).exists());
}

#[tokio::test]
async fn a_demo_without_a_lab_starts_its_own() {
    let terminal = Terminal::new();
    let (code, text) = said(&terminal.run(&["demo"], &[]).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("DEMO."), "{text}");
    assert!(
        text.contains("ISOLATION") || text.contains("kept apart"),
        "{text}"
    );
    assert_eq!(terminal.demo_json()["state"], "succeeded");
    assert!(terminal.dir().join("lab.log").is_file());
    assert!(processes_about(&terminal.dir()).is_empty(), "and ends it");
}

/// A worker that is told to end does first what it has in hand.
#[tokio::test]
async fn a_split_lab_drains_its_programs() {
    let mut world = crate::kit::World::with(|config| config.replicas = Some(1)).await;
    let slow = github_sim::Fault::once(
        "GET",
        "/repos/*/*/issues/*",
        github_sim::Effect::Slow { milliseconds: 3000 },
    );
    world.lab.github.add_fault(slow);
    world.labelled_issue().await;
    let url = world.lab.endpoints.database_url.clone();
    let arguments = |job: &String| {
        job.split_once(" running ")
            .map(|(_, arguments)| arguments.to_owned())
    };
    let in_hand = eventually("the worker has a delivery in hand", async || {
        let jobs = orchestrator::testing::open_jobs(&url).await.expect("a list");
        let mut deliveries = jobs.iter().filter(|job| job.starts_with("delivery."));
        deliveries.find_map(arguments)
    })
    .await;
    for (program, ended) in world.lab.stop_programs().await {
        let code = ended.and_then(|status| status.code());
        assert_eq!(code, Some(0), "{program:?} ended in order");
    }
    let jobs = orchestrator::testing::open_jobs(&url).await.expect("a list");
    let left = |job: &&String| job.contains(" running ") || job.contains(&in_hand);
    assert_eq!(jobs.iter().find(left), None, "{jobs:#?}");
    world.end().await;
}
