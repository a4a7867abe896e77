//! How Git gets the credential: over a socket in a folder of its own, and nowhere else.
//!
//! Git calls a program with its question as the only argument (`GIT_ASKPASS`): ours, the same that started Git. The answer
//! is fetched from that process, so the credential is never in an argument, an environment or a file.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use url::Url;

/// Names the socket; its presence is what makes the binary answer Git.
pub(crate) const SOCKET_ENV: &str = "CODEXK8S_ASKPASS_SOCKET";

const DEADLINE: Duration = Duration::from_secs(10);
const QUESTION_BYTES: usize = 4096;

/// Answers Git, if it is Git that called this program: then it says how that went, and the program is to end. A password
/// helper is called with its question as the only argument, so this is no subcommand.
pub fn answer_if_asked() -> Option<io::Result<()>> {
    let socket = PathBuf::from(std::env::var_os(SOCKET_ENV)?);
    let question = std::env::args().nth(1).unwrap_or_default();
    Some(answer(&socket, &question))
}

/// Answers Git's question on standard output.
fn answer(socket: &Path, question: &str) -> io::Result<()> {
    let mut stream = StdUnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(question.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut reply = String::new();
    stream.take(64 * 1024).read_to_string(&mut reply)?;
    if reply.is_empty() {
        return Err(io::Error::other("nobody has an answer to this question"));
    }
    println!("{reply}");
    Ok(())
}

/// A user name and password for one host.
#[derive(Clone)]
pub struct Credential {
    pub username: String,
    pub password: SecretString,
    /// The address the credential is for; questions about another host get no answer.
    pub address: Url,
}

/// Answers the questions of one Git command; the socket goes with it.
pub struct Answering {
    program: PathBuf,
    socket: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Answering {
    /// Starts answering on a fresh socket in `folder`, which nobody but this user may enter. Git calls `program`, which
    /// begins with [`answer_if_asked`].
    pub fn start(folder: &Path, program: PathBuf, credential: Credential) -> io::Result<Self> {
        let socket = folder.join(format!("askpass-{}.sock", uuid::Uuid::new_v4().simple()));
        let listener = UnixListener::bind(&socket)?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = tokio::time::timeout(DEADLINE, reply(stream, &credential)).await;
            }
        });
        Ok(Self {
            program,
            socket,
            task,
        })
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}

async fn reply(mut stream: UnixStream, credential: &Credential) -> io::Result<()> {
    let mut question = Vec::new();
    (&mut stream)
        .take(QUESTION_BYTES as u64)
        .read_to_end(&mut question)
        .await?;
    if let Some(answer) = choose(&String::from_utf8_lossy(&question), credential) {
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// Git asks `Username for 'https://host'` and `Password for 'https://user@host'`.
fn choose<'a>(question: &str, credential: &'a Credential) -> Option<&'a str> {
    let asked: Url = question.split('\'').nth(1)?.parse().ok()?;
    let same = asked.scheme() == credential.address.scheme()
        && asked.host_str() == credential.address.host_str()
        && asked.port_or_known_default() == credential.address.port_or_known_default();
    if !same {
        return None;
    }
    if question.starts_with("Username") {
        return Some(&credential.username);
    }
    question
        .starts_with("Password")
        .then(|| credential.password.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_the_credential_is_for_gets_it() {
        let credential = Credential {
            username: "x-access-token".into(),
            password: SecretString::from("canary"),
            address: "https://github.example/acme/shop.git"
                .parse()
                .expect("an address"),
        };
        let ask = |question: &str| choose(question, &credential).map(str::to_owned);
        assert_eq!(
            ask("Username for 'https://github.example': ").as_deref(),
            Some("x-access-token")
        );
        assert_eq!(
            ask("Password for 'https://x-access-token@github.example': ").as_deref(),
            Some("canary")
        );
        assert_eq!(
            ask("Password for 'https://x-access-token@elsewhere.example': "),
            None
        );
        assert_eq!(ask("Password for 'http://x-access-token@github.example': "), None);
        assert_eq!(
            ask("Password for 'https://x-access-token@github.example:8443': "),
            None
        );
        assert_eq!(ask("Enter passphrase for key '/x': "), None);
    }
}
