//! One Git command: nothing inherited that was not chosen, and a deadline.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command as Process};

use crate::askpass::{self, Answering};

/// Deadline of a command that only works here, and of one that talks to the code host.
const LOCAL: Duration = Duration::from_mins(5);
const REMOTE: Duration = Duration::from_mins(15);
/// Most a command may say.
const OUTPUT_BYTES: u64 = 16 * 1024 * 1024;
const WORDS_BYTES: u64 = 64 * 1024;
/// Bytes of Git's last words kept for a person.
const LAST_WORDS: usize = 1500;

/// Settings that hold for every command; the repository's own configuration is ours alone.
const SETTINGS: [&str; 10] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "submodule.recurse=false",
    "http.followRedirects=false",
    "advice.defaultBranchName=false",
];

/// Why Git did not do it.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// Git's own words.
    #[error("{0}")]
    Refused(String),
    #[error("git took longer than {} s", .0.as_secs())]
    Deadline(Duration),
    /// Half an answer is none: what is missing would go unjudged.
    #[error("git said more than {OUTPUT_BYTES} bytes")]
    TooMuch,
    #[error("failed to run git: {0}")]
    Io(#[from] io::Error),
}

/// A transport a command may use.
#[derive(Clone, Copy)]
pub enum Allow {
    File,
    Http,
    Https,
}

/// What a command said, whether it succeeded or not.
pub struct Said {
    pub success: bool,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Said {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A command being put together.
pub struct Command {
    process: Process,
    deadline: Duration,
    verb: String,
}

impl Command {
    pub fn new(dir: &Path, environment: &[(OsString, OsString)]) -> Self {
        let mut process = Process::new("git");
        process
            .current_dir(dir)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        for setting in SETTINGS {
            process.args(["-c", setting]);
        }
        Self {
            process,
            deadline: LOCAL,
            verb: String::new(),
        }
    }

    #[must_use]
    pub fn allow(mut self, allow: Allow) -> Self {
        let setting = match allow {
            Allow::File => "protocol.file.allow=always",
            Allow::Http => "protocol.http.allow=always",
            Allow::Https => "protocol.https.allow=always",
        };
        self.process.args(["-c", setting]);
        if !matches!(allow, Allow::File) {
            self.deadline = REMOTE;
        }
        self
    }

    /// Lets Git ask for the credential.
    #[must_use]
    pub fn answered_by(mut self, answering: &Answering) -> Self {
        self.process
            .env("GIT_ASKPASS", answering.program())
            .env(askpass::SOCKET_ENV, answering.socket());
        self
    }

    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        let text = argument.as_ref().to_string_lossy();
        if self.verb.is_empty() && !text.starts_with('-') && !text.contains('=') {
            self.verb = text.into_owned();
        }
        self.process.arg(argument);
        self
    }

    #[must_use]
    pub fn args<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Runs the command; an exit code other than 0 is an error with Git's last words.
    pub async fn run(self) -> Result<String, GitError> {
        let verb = self.verb.clone();
        let said = self.output().await?;
        if said.success {
            return Ok(said.text().trim().to_owned());
        }
        Err(GitError::Refused(format!(
            "git {verb}: {}",
            last_words(&said.stderr)
        )))
    }

    /// Starts the command, to be talked to while it runs. It has no deadline of its own, and ends with [`Running`].
    pub fn start(mut self) -> io::Result<Running> {
        let process = self.process.stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = process.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Running {
            stdin,
            stdout: BufReader::new(stdout),
            child,
        })
    }

    /// Runs the command and hands out all it said.
    pub async fn output(mut self) -> Result<Said, GitError> {
        let mut child = self.process.spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let reading = async {
            let (mut out, mut words) = (Vec::new(), Vec::new());
            let read_out = async {
                match stdout {
                    Some(pipe) => pipe.take(OUTPUT_BYTES + 1).read_to_end(&mut out).await,
                    None => Ok(0),
                }
            };
            let read_words = async {
                match stderr {
                    Some(pipe) => pipe.take(WORDS_BYTES).read_to_end(&mut words).await,
                    None => Ok(0),
                }
            };
            tokio::try_join!(read_out, read_words)?;
            if out.len() as u64 > OUTPUT_BYTES {
                return Err(GitError::TooMuch);
            }
            let status = child.wait().await?;
            let stderr = String::from_utf8_lossy(&words).into_owned();
            Ok(Said {
                success: status.success(),
                stdout: out,
                stderr,
            })
        };
        tokio::time::timeout(self.deadline, reading)
            .await
            .unwrap_or(Err(GitError::Deadline(self.deadline)))
    }
}

/// A command at work; it is killed when this is dropped.
pub struct Running {
    pub stdin: ChildStdin,
    pub stdout: BufReader<ChildStdout>,
    child: Child,
}

impl Running {
    /// Waits for the end of a command that has said all; answers whether it succeeded.
    pub async fn ended(mut self) -> io::Result<bool> {
        drop(self.stdin);
        Ok(self.child.wait().await?.success())
    }
}

/// Settings of the network that Git needs to reach the code host: proxies and certificates, nothing else.
const INHERITED: [&str; 10] = [
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
];

/// Returns the part of this process's environment that Git may see.
pub fn inherited_environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| INHERITED.iter().any(|known| name == known))
        .collect()
}

/// The end of what Git said, short enough for an error.
pub fn last_words(said: &str) -> &str {
    let said = said.trim();
    &said[said.ceil_char_boundary(said.len().saturating_sub(LAST_WORDS))..]
}
