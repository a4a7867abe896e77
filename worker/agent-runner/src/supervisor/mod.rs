//! Supervisor mode: the only container with credentials.
//!
//! One turn, in this order: context → fetch → hand-over → the agent's program → bundle back → judge → push → pull
//! request → snapshot → finish. Each step is kept in [`progress`], so a supervisor that was restarted goes on after the
//! last one done, or ends the turn cleanly.

mod adapter;
mod closing;
mod deliver;
mod end;
mod git;
mod heartbeat;
mod link;
mod log;
mod platform;
mod program;
mod progress;
mod proxy;
mod snapshot;
mod tokens;
mod turn;
mod usage;
mod workspace;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contract::runner::{Nothing, RunContext};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::closing::Last;
pub use self::end::{Failure, Reason};
use self::end::{Result, Stop};
use self::git::{Repository, Scope};
use self::heartbeat::Beside;
use self::link::Link;
use self::log::Log;
use self::platform::Platform;
use self::progress::{ProgressFile, Step};
use self::tokens::{ModelKey, Tokens};
use self::turn::Turn;
use self::usage::Meter;
use crate::config::SuperviseConfig;

/// How long an agent's container that has not been seen yet is waited for, to end it; and one that was.
const EXIT: Duration = Duration::from_secs(30);
const BACK: Duration = Duration::from_secs(3);

/// What there is before the platform has said anything.
struct Base {
    config: SuperviseConfig,
    tokens: Tokens,
    platform: Platform,
    progress: ProgressFile,
    link: Link,
}

/// Supervises one turn to its end. Exit code 0: the platform knows how it ended, or wants nothing more of it.
pub async fn run(config: SuperviseConfig) -> anyhow::Result<ExitCode> {
    let mut sigterm = Sigterm::listen()?;
    let base = match Base::open(config.clone()) {
        Ok(base) => base,
        Err(failure) => {
            tracing::error!(%failure, "cannot begin");
            closing::leave_message(&config.termination_log, Some(&failure));
            return Ok(ExitCode::FAILURE);
        }
    };
    let told = base.progress.get().did(Step::Told) || base.turn(&mut sigterm).await;
    base.leave(told, &mut sigterm).await;
    Ok(if told {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// SIGTERM, remembered.
struct Sigterm {
    signal: Signal,
    came: bool,
}

impl Sigterm {
    fn listen() -> anyhow::Result<Self> {
        let signal = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
        Ok(Self { signal, came: false })
    }

    /// Waits until it comes; returns at once if it came before.
    async fn wait(&mut self) {
        if !self.came {
            self.signal.recv().await;
            self.came = true;
        }
    }
}

impl Base {
    fn open(config: SuperviseConfig) -> Result<Self, Failure> {
        let fail = |error: std::io::Error| Failure::new(Reason::Environment, "volumes", error.to_string());
        std::fs::create_dir_all(&config.private_dir).map_err(fail)?;
        let tokens = Tokens::load(&config.secret_dir, &config.private_dir)
            .map_err(|error| Failure::new(Reason::Environment, "no_token", error.to_string()))?;
        let patience = Duration::from_secs(config.retry_seconds);
        let platform = Platform::new(&config.mcp_url, tokens.clone(), patience)
            .map_err(|error| Failure::internal("http_client", error))?;
        let progress = ProgressFile::open(&config.private_dir, config.run_id, config.turn);
        let link = Link::listen(&config.control_dir, config.agent_uid, progress.clone()).map_err(fail)?;
        Ok(Self {
            config,
            tokens,
            platform,
            progress,
            link,
        })
    }

    /// Plays the turn and tells the platform its end; says whether that succeeded.
    async fn turn(&self, sigterm: &mut Sigterm) -> bool {
        let patience = Duration::from_secs(self.config.retry_seconds);
        let prepared = tokio::select! {
            prepared = self.prepare() => prepared,
            () = self.link.terminating() => Err(self.evicted()),
            () = sigterm.wait() => Err(self.evicted()),
        };
        let turn = match prepared {
            Ok(turn) => turn,
            Err(stop) => {
                let last = Last {
                    base: self,
                    turn: None,
                    patience: closing::LAST_WORDS,
                    hurried: true,
                };
                return last.close(stop).await;
            }
        };
        let (stop, mut stopped) = mpsc::channel(1);
        let beside = Beside {
            platform: self.platform.clone(),
            tokens: self.tokens.clone(),
            log: turn.log.clone(),
            meter: turn.meter.clone(),
            progress: self.progress.clone(),
            until: turn.until.clone(),
            margin: turn::margin(turn.context.limits.active_seconds),
            period: Duration::from_secs(turn.context.limits.heartbeat_seconds.max(1)),
            patience,
        };
        let _loops = beside.start(stop);
        let played = tokio::select! {
            played = turn.play() => played,
            Some(stop) = stopped.recv() => Err(stop),
            () = self.link.terminating() => Err(self.evicted()),
            () = sigterm.wait() => Err(self.evicted()),
        };
        let Err(stop) = played else { return true };
        // Once the agent's container is gone, so is the pod: its other container has the grace period, and no more.
        let hurried = matches!(&stop, Stop::Failed(failure) if [EVICTED, turn::AGENT_LOST].contains(&&*failure.sub_reason));
        let patience = if hurried { closing::LAST_WORDS } else { patience };
        Last {
            base: self,
            turn: Some(&turn),
            patience,
            hurried,
        }
        .close(stop)
        .await
    }

    /// Asks the platform what to do, and gets ready to do it.
    async fn prepare(&self) -> Result<Turn> {
        let context: RunContext = self.platform.call("run_context_get", &Nothing {}).await?;
        let began = Instant::now();
        if context.run_id != self.config.run_id || context.turn != self.config.turn {
            let text = format!("the token is for run {}, turn {}", context.run_id, context.turn);
            return Err(Failure::internal("wrong_turn", text).into());
        }
        if let Some(traceparent) = &context.traceparent {
            self.platform.trace(traceparent);
        }
        let state = self.progress.get();
        let scope = Scope::new(&context.agent.write_include, &context.agent.write_exclude)
            .map_err(|error| Failure::new(Reason::Precondition, "write_globs", error.to_string()))?;
        let repository = Repository::open(&self.config.private_dir, self.config.inherited.clone())
            .await
            .map_err(|error| Failure::new(Reason::Environment, "git", error.to_string()))?;
        let log = Log::new(state.log_offsets, context.limits.log_bytes);
        if state.nonce.is_some() {
            log.go_on(&self.platform).await?;
        }
        let model_key = ModelKey::load(&self.config.secret_dir);
        Ok(Turn {
            folder: workspace::folder(&context.repository.name),
            log,
            meter: Meter::new(context.limits.tokens, &state.usage),
            scope,
            repository,
            model_key,
            until: watch::Sender::new(began + turn::working_time(context.limits.active_seconds)),
            config: self.config.clone(),
            tokens: self.tokens.clone(),
            platform: self.platform.clone(),
            progress: self.progress.clone(),
            link: self.link.clone(),
            context,
        })
    }

    /// Ends the agent's container, and stays until the kubelet wants this one to end: a sidecar that ends earlier is
    /// started again.
    async fn leave(&self, told: bool, sigterm: &mut Sigterm) {
        let code = i32::from(!told);
        let known = self.progress.get().nonce.is_some();
        let first = tokio::time::timeout(if known { BACK } else { EXIT }, self.link.exit(code));
        if self.link.is_connected() {
            let _ = first.await;
        } else {
            // It may be slow to start, or on its way back.
            tokio::select! {
                _ = first => {}
                () = sigterm.wait() => return,
            }
        }
        let whenever_it_comes = async {
            loop {
                self.link.exit(code).await;
            }
        };
        let linger = Duration::from_secs(self.config.linger_seconds);
        tokio::select! {
            _ = tokio::time::timeout(linger, whenever_it_comes) => {}
            () = sigterm.wait() => {}
        }
    }

    /// SIGTERM came. If the agent's container ended without having been asked to, that was the cause.
    fn evicted(&self) -> Stop {
        let was_there = self.progress.get().nonce.is_some();
        if was_there && !self.link.is_connected() && !self.link.is_terminating() {
            return turn::agent_lost().into();
        }
        Failure::new(
            Reason::Environment,
            EVICTED,
            "the pod is being removed before the turn ended",
        )
        .into()
    }
}

/// The sub-reason of a turn whose pod was removed.
const EVICTED: &str = "evicted";

/// A word nobody can guess: 256 random bits.
fn secret_word() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
