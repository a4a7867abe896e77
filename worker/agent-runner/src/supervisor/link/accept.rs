//! Who may be the agent: the right user, first come, and afterwards only who knows the nonce.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::super::secret_word;
use super::{Connection, Link, Nonce, OUT_FRAMES};
use crate::wire::frame::{self, Frame};
use crate::wire::{FromAgent, Places, SOCKET_NAME, ToAgent, WIRE_VERSION};

/// A connection that says nothing must not keep the next one waiting.
const HELLO: Duration = Duration::from_secs(5);

pub(super) fn start(
    control_dir: &Path,
    agent_uid: Option<u32>,
    nonce: impl Nonce,
    link: Link,
) -> io::Result<()> {
    let path = control_dir.join(SOCKET_NAME);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    // Another user connects; only the two containers mount the folder, and the peer's user is checked.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
    tokio::spawn(async move {
        let mut gate = Gate {
            agent_uid: agent_uid.filter(|uid| can_be_named(*uid)),
            nonce,
            number: 0,
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => gate.admit(stream, &link).await,
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection of the agent's container");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    });
    Ok(())
}

/// Whether this user namespace has a name for the user. Where each container has a namespace that maps nothing but
/// itself, the kernel shows every other user as the same nobody, and the first connection decides alone.
fn can_be_named(uid: u32) -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let named = names(&map, uid);
    if !named {
        tracing::warn!(
            uid,
            "this user namespace has no name for the agent's user; its first connection is trusted"
        );
    }
    named
}

/// Reads lines of `<first inside> <first outside> <count>` (`user_namespaces(7)`).
fn names(map: &str, uid: u32) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        matches!(numbers[..], [first, _, count] if (first..first.saturating_add(count)).contains(&u64::from(uid)))
    })
}

struct Gate<N> {
    agent_uid: Option<u32>,
    nonce: N,
    number: u64,
}

/// A connection that proved to be the agent's.
struct Greeted {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    terminating: bool,
    places: Places,
}

impl<N: Nonce> Gate<N> {
    async fn admit(&mut self, stream: UnixStream, link: &Link) {
        match tokio::time::timeout(HELLO, self.greet(stream)).await {
            Ok(Ok(greeted)) => {
                self.number += 1;
                if greeted.terminating {
                    link.0.terminating.send_replace(true);
                }
                open(self.number, greeted, link);
            }
            Ok(Err(error)) => tracing::warn!(%error, "refused a connection on the control socket"),
            Err(_) => tracing::warn!("a connection on the control socket said nothing"),
        }
    }

    async fn greet(&mut self, stream: UnixStream) -> io::Result<Greeted> {
        let uid = stream.peer_cred()?.uid();
        // Who has this process's own user could read its memory and files anyway.
        let own = uid == nix::unistd::getuid().as_raw();
        if self.agent_uid.is_some_and(|expected| expected != uid) && !own {
            return Err(io::Error::other(format!("user {uid} is not the agent's")));
        }
        let (mut read, mut write) = stream.into_split();
        let hello = frame::read::<FromAgent, _>(&mut read).await?;
        let Some(Frame::Message(FromAgent::Hello {
            version: WIRE_VERSION,
            nonce: shown,
            terminating,
            places,
        })) = hello
        else {
            return Err(io::Error::other("no hello of this version"));
        };
        let nonce = match self.nonce.known() {
            Some(known) if shown.as_ref() == Some(&known) => known,
            Some(_) => return Err(io::Error::other("the agent is known already, and this is not it")),
            None => {
                let fresh = secret_word();
                self.nonce.remember(&fresh)?;
                fresh
            }
        };
        self.agent_uid = Some(uid);
        frame::write(&mut write, &Frame::Message(ToAgent::Welcome { nonce })).await?;
        Ok(Greeted {
            read,
            write,
            terminating,
            places,
        })
    }
}

fn open(number: u64, greeted: Greeted, link: &Link) {
    let Greeted {
        mut read,
        mut write,
        places,
        ..
    } = greeted;
    let (frames, mut out) = mpsc::channel::<Frame<ToAgent>>(OUT_FRAMES);
    // An older connection ends with the last sender of its frames; whoever waits on it has lost it.
    link.0.lock().clear();
    link.0.connection.send_replace(Some(Connection {
        number,
        frames,
        places,
    }));
    let link = link.clone();
    tokio::spawn(async move {
        let writing = async {
            while let Some(next) = out.recv().await {
                frame::write(&mut write, &next).await?;
            }
            io::Result::Ok(())
        };
        let reading = async {
            while let Some(next) = frame::read::<FromAgent, _>(&mut read).await? {
                link.0.deliver(next).await;
            }
            io::Result::Ok(())
        };
        let ended = tokio::select! { ended = writing => ended, ended = reading => ended };
        if let Err(error) = ended {
            tracing::warn!(%error, "the connection to the agent's container broke");
        }
        let mine = |current: &mut Option<Connection>| {
            let mine = current
                .as_ref()
                .is_some_and(|connection| connection.number == number);
            if mine {
                *current = None;
            }
            mine
        };
        if link.0.connection.send_if_modified(mine) {
            link.0.lock().clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_user_is_named_where_its_namespace_maps_it() {
        assert!(names("         0          0 4294967295\n", 10_002));
        assert!(names("0 100000 65536\n", 10_002));
        assert!(!names("10001 0 1\n", 10_002));
        assert!(names("10001 0 1\n10002 0 1\n", 10_002));
        assert!(!names("", 10_002));
    }
}
