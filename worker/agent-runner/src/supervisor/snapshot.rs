//! The session of the agent's program, kept for a later turn.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use contract::runner::{Snapshot, SnapshotStored};
use sha2::{Digest, Sha256};

use super::adapter::{Session, Verdict};
use super::link::Body;
use super::platform::Platform;
use super::progress::Step;
use super::turn::Turn;
use crate::wire::{Ask, Reply, Root};

const FIND: Duration = Duration::from_secs(30);

impl Turn {
    /// Stores the session with the platform. Without one the run is no worse, a resume only starts over.
    pub(super) async fn put_snapshot(&self, verdict: &Verdict) {
        let Some(session) = verdict
            .session
            .as_ref()
            .filter(|_| !self.progress.get().did(Step::SnapshotStored))
        else {
            return;
        };
        self.store_session(&self.platform, session).await;
    }

    pub(super) async fn store_session(&self, platform: &Platform, session: &Session) {
        let snapshot = match self.read_session(session).await {
            Ok(snapshot) => snapshot,
            Err(why) => {
                self.log.say(&format!("the session is not kept: {why}"));
                return;
            }
        };
        match platform
            .call::<SnapshotStored>("run_snapshot_put", &snapshot)
            .await
        {
            Ok(_) => self.progress.note(|state| {
                state.done.insert(Step::SnapshotStored);
            }),
            Err(stop) => self.log.say(&format!("the session is not kept: {stop:?}")),
        }
    }

    async fn read_session(&self, session: &Session) -> Result<Snapshot, String> {
        let ask = Ask::FindFile {
            root: Root::Home,
            under: format!("{}/{}", session.home, session.folder),
            name_contains: session.id.clone(),
        };
        let path = match self.link.ask_plainly(ask, Body::Empty, FIND).await {
            Ok(Reply::Found { path }) => path,
            Ok(_) => return Err("there is no file of that session".into()),
            Err(error) => return Err(error.to_string()),
        };
        let below_home = path
            .strip_prefix(&session.home)
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or("the file lies elsewhere")?
            .to_owned();
        let read = self.read_home(&path, self.context.limits.snapshot_bytes).await;
        let bytes = read
            .map_err(|error| error.to_string())?
            .map_err(|(_, message)| message)?;
        Ok(Snapshot {
            session: session.id.clone(),
            path: below_home,
            sha256: hex::encode(Sha256::digest(&bytes)),
            data: BASE64_STANDARD.encode(&bytes),
        })
    }
}
