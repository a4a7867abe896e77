//! The agent's program: started, listened to, checkpointed beside, judged.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use contract::runner::{Nothing, Snapshot};
use tokio::sync::Notify;

use super::adapter::{self, Adapter, Launch, Origin, Surroundings, Verdict};
use super::closing::OUT_OF_TIME;
use super::end::{Failure, Reason, Result};
use super::link::{Body, LinkError};
use super::log::Lines;
use super::progress::{AgentStep, Seen};
use super::proxy::{Facts, Proxies, Upstreams};
use super::turn::{Turn, link_failed};
use crate::wire::frame::CHANNEL_ERROR;
use crate::wire::{Ask, Exited, Places, Refusal, Reply, Root};

/// Deadline of writing or reading one small file.
const FILE: Duration = Duration::from_mins(1);
/// How long a program that is told to end may take.
pub(super) const GRACE: Duration = Duration::from_secs(10);
/// What bounds a program is its time, which may change.
const AS_LONG_AS_IT_MAY: Duration = Duration::from_hours(24 * 60);
const RESULT_BYTES: u64 = 256 * 1024;

impl Turn {
    /// Runs the program to its end and judges it.
    pub(super) async fn run_program(&self, places: &Places, seen: &Seen) -> Result<Verdict> {
        let proxies = self.start_proxies().await?;
        let snapshot = self.earlier_snapshot().await?;
        let mut adapter = adapter::of(self.context.agent.adapter);
        let launch = adapter.launch(&Surroundings {
            context: &self.context,
            places,
            folder: &self.folder,
            mcp_url: &proxies.mcp_url,
            model_url: proxies.model_url.as_deref(),
            snapshot: snapshot.as_ref(),
        })?;
        for (path, bytes) in &launch.files {
            self.write_file(path, bytes.clone()).await?;
        }
        self.update(|state| state.agent = AgentStep::Running)?;
        self.log.say(&format!(
            "starting {}",
            launch.exec.argv.first().map_or("", String::as_str)
        ));
        let result_file = launch.result_file.clone();
        let exited = self.execute(launch, adapter.as_mut(), seen).await?;
        let result = match &result_file {
            Some(path) => self.read_result(path).await?,
            None => None,
        };
        let mut verdict = adapter.verdict(exited, result.as_deref());
        verdict.failure = verdict
            .failure
            .map(|failure| blame(failure, exited, &proxies.facts, self.meter.spent().is_some()));
        let usage = self.meter.totals();
        self.update(|state| {
            state.agent = AgentStep::Ended(verdict.clone());
            state.usage = usage;
        })?;
        self.log.say("the agent's program ended");
        Ok(verdict)
    }

    async fn start_proxies(&self) -> Result<Proxies> {
        let model = self.context.agent.model.clone();
        let key = self.model_key.as_ref();
        if let Some((model, key)) = model
            .as_ref()
            .zip(key)
            .filter(|(model, key)| !key.may_go_to(&model.base_url))
        {
            let text = format!(
                "the worker's key is for {}, and the catalogue has {} at {}; set one of the two right",
                key.host(),
                model.name,
                model.base_url
            );
            return Err(Failure::new(Reason::Precondition, "model_host", text).into());
        }
        let key = key.map(|key| key.key.clone());
        let upstreams = Upstreams {
            mcp_url: self.config.mcp_url.clone(),
            tokens: self.tokens.clone(),
            traceparent: self.platform.traceparent(),
            model: model.map(|model| (model, key)),
            meter: self.meter.clone(),
        };
        let proxies = Proxies::start(upstreams)
            .await
            .map_err(|error| Failure::new(Reason::Environment, "proxies", error.to_string()))?;
        proxies
            .secrets
            .iter()
            .for_each(|word| self.log.hide(word.clone()));
        Ok(proxies)
    }

    async fn earlier_snapshot(&self) -> Result<Option<Snapshot>> {
        if !self.context.has_snapshot {
            return Ok(None);
        }
        self.platform
            .call("run_snapshot_get", &Nothing {})
            .await
            .map(Some)
    }

    /// Runs the program, its lines going to the adapter, until it ends or its time is used up.
    async fn execute(&self, launch: Launch, adapter: &mut dyn Adapter, seen: &Seen) -> Result<Exited> {
        let (mut output, mut errors) = (Lines::default(), Lines::default());
        let mut session = None;
        let hopeless = Notify::new();
        let mut take = |channel, bytes: Bytes| {
            if channel == CHANNEL_ERROR {
                errors.take(&bytes, |line| adapter.line(Origin::Error, line, &self.log));
            } else {
                output.take(&bytes, |line| adapter.line(Origin::Output, line, &self.log));
            }
            if adapter.hopeless() {
                hopeless.notify_one();
            }
            if session.is_none() {
                session = adapter.session();
                if session.is_some() {
                    self.progress.note(|state| state.session.clone_from(&session));
                }
            }
            Ok(())
        };
        let running = self.link.ask(
            Ask::Exec(launch.exec),
            Body::Bytes(launch.input),
            AS_LONG_AS_IT_MAY,
            &mut take,
        );
        let reply = tokio::select! {
            reply = running => reply,
            () = self.out_of_time() => Err(LinkError::Deadline(AS_LONG_AS_IT_MAY)),
            never = self.keep_checkpoints(seen) => match never {},
            never = self.stop_when(&hopeless) => match never {},
        };
        output.end(|line| adapter.line(Origin::Output, line, &self.log));
        errors.end(|line| adapter.line(Origin::Error, line, &self.log));
        match reply {
            Ok(Reply::Exited(exited)) => Ok(exited),
            Ok(Reply::Refused {
                refusal: Refusal::NotFound,
                message,
            }) => Err(Failure::new(Reason::Environment, "no_program", message).into()),
            Ok(other) => Err(Failure::new(Reason::Environment, "not_started", format!("{other:?}")).into()),
            Err(LinkError::Deadline(_)) => {
                self.stop_program().await;
                let text = "the program was ended near the end of the run's active seconds";
                Err(Failure::new(Reason::Budget, OUT_OF_TIME, text).into())
            }
            Err(error) => Err(link_failed(&error).into()),
        }
    }

    /// Waits until the program must end. A person may move that moment while it runs.
    async fn out_of_time(&self) {
        let mut until = self.until.subscribe();
        loop {
            let at = *until.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(at) => return,
                moved = until.changed() => if moved.is_err() { return },
            }
        }
    }

    /// Ends a program whose work would be in vain; its own end is waited for elsewhere.
    async fn stop_when(&self, hopeless: &Notify) -> Infallible {
        hopeless.notified().await;
        self.log
            .say("the program works without the platform; it is stopped");
        self.stop_program().await;
        std::future::pending().await
    }

    /// Ends the program, if one runs.
    pub(super) async fn stop_program(&self) {
        let grace_ms = u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX);
        let stopping = self
            .link
            .ask_plainly(Ask::Stop { grace_ms }, Body::Empty, GRACE * 2);
        if let Err(error) = stopping.await {
            tracing::warn!(%error, "failed to stop the agent's program");
        }
    }

    async fn write_file(&self, path: &str, bytes: Bytes) -> Result<()> {
        let ask = Ask::WriteFile {
            root: Root::Home,
            path: path.to_owned(),
        };
        match self.link.ask_plainly(ask, Body::Bytes(bytes), FILE).await {
            Ok(Reply::Done) => Ok(()),
            Ok(other) => {
                let text = format!("failed to write {path} in the agent's home: {other:?}");
                Err(Failure::new(Reason::Environment, "agent_home", text).into())
            }
            Err(error) => Err(link_failed(&error).into()),
        }
    }

    /// Reads what the program left; a file that is no plain file of sane size is as good as none.
    async fn read_result(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self
            .read_home(path, RESULT_BYTES)
            .await
            .map_err(|error| link_failed(&error))?
        {
            Ok(bytes) => Ok(Some(bytes)),
            Err((Refusal::NotFound, _)) => Ok(None),
            Err((_, message)) => {
                self.log.say(&format!("the result file is not read: {message}"));
                Ok(None)
            }
        }
    }

    /// Reads a regular file below the agent's home, through the agent's container.
    pub(super) async fn read_home(
        &self,
        path: &str,
        max_bytes: u64,
    ) -> Result<Result<Vec<u8>, (Refusal, String)>, LinkError> {
        let mut bytes = Vec::new();
        let ask = Ask::ReadFile {
            root: Root::Home,
            path: path.to_owned(),
            max_bytes,
        };
        let mut take = |_, piece: Bytes| {
            if (bytes.len() + piece.len()) as u64 > max_bytes {
                return Err(std::io::Error::other("the file is larger than announced"));
            }
            bytes.extend_from_slice(&piece);
            Ok(())
        };
        match self.link.ask(ask, Body::Empty, FILE, &mut take).await? {
            Reply::Read => Ok(Ok(bytes)),
            Reply::Refused { refusal, message } => Ok(Err((refusal, message))),
            other => Ok(Err((
                Refusal::Failed,
                format!("an answer to another question: {other:?}"),
            ))),
        }
    }
}

/// Finds the cause behind a program that failed: what was seen from outside counts more than what it says.
///
/// A refusal for want of money counts as long as there is none: a person may have given the run more since.
fn blame(failure: Failure, exited: Exited, facts: &Facts, spent: bool) -> Failure {
    if exited.oom {
        let text = format!("the agent's container ran out of memory; {}", failure.detail);
        return Failure::new(Reason::Environment, "oom", text);
    }
    if let Some(spent) = facts.budget_refused().filter(|_| spent) {
        return Failure::new(Reason::Budget, spent.sub_reason, spent.text.clone());
    }
    if let Some(refused) = facts.model_refused() {
        return Failure::new(
            Reason::ModelAuth,
            "key_refused",
            format!("{refused}; check the key of the model"),
        );
    }
    if let Some(refused) = facts.platform_refused() {
        let text = format!("{refused}; {}", failure.detail);
        return Failure::new(Reason::Environment, "platform_refused", text);
    }
    failure
}
