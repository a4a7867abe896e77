use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

/// No question the simulator asks git takes this long.
const TIMEOUT: Duration = Duration::from_secs(30);
/// More than this is not the answer to a question of a lab.
const MAX_OUTPUT: u64 = 64 << 20;
/// Git processes at once.
const PROCESSES: usize = 8;

/// What each repository is created with. `uploadpack.allowAnySHA1InWant` and filters are GitHub's behaviour.
const SETTINGS: [(&str, &str); 9] = [
    ("http.receivepack", "true"),
    ("receive.denyDeletes", "false"),
    ("receive.denyDeleteCurrent", "refuse"),
    ("receive.autogc", "false"),
    ("receive.hideRefs", "refs/pull"),
    ("transfer.fsckObjects", "true"),
    ("uploadpack.allowFilter", "true"),
    ("uploadpack.allowAnySHA1InWant", "true"),
    ("gc.auto", "0"),
];

/// The folder of bare repositories, named by id so that a rename moves nothing.
#[derive(Clone)]
pub(crate) struct Git {
    root: PathBuf,
    path: OsString,
    processes: Arc<Semaphore>,
}

impl Git {
    /// Opens the folder, which must exist. Git is looked for on this program's `PATH`.
    pub(crate) fn new(root: PathBuf) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
        Self {
            root,
            path,
            processes: Arc::new(Semaphore::new(PROCESSES)),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn directory(&self, repository: u64) -> PathBuf {
        self.root.join(format!("{repository}.git"))
    }

    /// Returns a git command that sees no configuration but the repository's, and none of our environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", &self.root)
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Makes an empty bare repository. Asking twice changes nothing.
    pub(crate) async fn init(&self, repository: u64, default_branch: &str) -> Result<()> {
        let directory = self.directory(repository);
        if directory.join("HEAD").exists() {
            return Ok(());
        }
        let mut command = self.command();
        command
            .args(["init", "--quiet", "--bare", "--initial-branch", default_branch])
            .arg(&directory);
        self.finish(command, None).await?;
        for (key, value) in SETTINGS {
            self.ask(repository, &["config", key, value]).await?;
        }
        Ok(())
    }

    /// Runs git in a repository and returns what it printed; an exit code other than 0 is an error.
    pub(crate) async fn ask(&self, repository: u64, args: &[&str]) -> Result<String> {
        let (code, out, err) = self.attempt(repository, args, None).await?;
        ensure!(
            code == 0,
            "git {} ended with {code}: {}",
            args.join(" "),
            err.trim()
        );
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Like [`Git::ask`], for output that need not be text.
    pub(crate) async fn bytes(&self, repository: u64, args: &[&str]) -> Result<Vec<u8>> {
        let (code, out, err) = self.attempt(repository, args, None).await?;
        ensure!(
            code == 0,
            "git {} ended with {code}: {}",
            args.join(" "),
            err.trim()
        );
        Ok(out)
    }

    /// Runs git in a repository and returns exit code, output and messages.
    pub(crate) async fn attempt(
        &self,
        repository: u64,
        args: &[&str],
        input: Option<Vec<u8>>,
    ) -> Result<(i32, Vec<u8>, String)> {
        let mut command = self.command();
        command
            .arg("--git-dir")
            .arg(self.directory(repository))
            .args(args);
        self.finish(command, input).await
    }

    async fn finish(&self, mut command: Command, input: Option<Vec<u8>>) -> Result<(i32, Vec<u8>, String)> {
        let _place = self
            .processes
            .acquire()
            .await
            .context("the simulator is stopping")?;
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("git does not start; install git 2.46 or newer")?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // Git may end before it has read everything; its exit code then says why.
                let _ = stdin.write_all(&input).await;
            }
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let read = async {
            let mut stdout = stdout.context("git has no output")?.take(MAX_OUTPUT);
            let mut stderr = stderr.context("git has no error output")?.take(1 << 20);
            let (a, b) = tokio::join!(stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
            a.and(b).context("reading from git")
        };
        let work = async {
            let ((), read) = tokio::join!(feed, read);
            read?;
            child.wait().await.context("waiting for git")
        };
        let Ok(status) = tokio::time::timeout(TIMEOUT, work).await else {
            bail!("git did not end within {} s", TIMEOUT.as_secs());
        };
        Ok((
            status?.code().unwrap_or(-1),
            out,
            String::from_utf8_lossy(&err).into_owned(),
        ))
    }
}
