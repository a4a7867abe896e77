//! The Codex CLI: `codex exec --json`, judged by its events.

mod config;
mod event;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use contract::runner::Api;

use self::event::{Event, Item};
use super::{Adapter, Launch, Origin, Session, Surroundings, Verdict, environment, tail};
use crate::supervisor::end::{Failure, Reason};
use crate::supervisor::log::Log;
use crate::wire::{ExecAsk, Exited};

/// `CODEX_HOME` below the agent's home, and where it keeps sessions.
const HOME: &str = ".codex";
const SESSIONS: &str = "sessions";
/// Standard error kept for a person.
const WORDS: usize = 2000;

#[derive(Default)]
pub(super) struct Codex {
    thread_id: Option<String>,
    last_message: Option<String>,
    /// The last `turn.*` event decides; none means that no turn began.
    turn: Option<Turn>,
    last_error: Option<String>,
    errors: String,
}

enum Turn {
    Started,
    Completed,
    Failed(String),
}

impl Adapter for Codex {
    fn launch(&mut self, surroundings: &Surroundings<'_>) -> Result<Launch, Failure> {
        let (Some(model), Some(model_url)) = (&surroundings.context.agent.model, surroundings.model_url)
        else {
            let text = "the codex adapter needs a model; name one in the agent's profile";
            return Err(Failure::new(Reason::Precondition, "no_model", text));
        };
        super::check_api(model, Api::Responses)?;
        let config = config::toml(model, model_url, surroundings.mcp_url);
        let mut files = vec![(format!("{HOME}/config.toml"), Bytes::from(config))];
        let mut argv: Vec<String> = [
            "codex",
            "exec",
            "--json",
            "--strict-config",
            "--skip-git-repo-check",
            // The container is the sandbox: it holds no credential and reaches only the proxies.
            "--dangerously-bypass-approvals-and-sandbox",
        ]
        .map(str::to_owned)
        .to_vec();
        if let Some(snapshot) = surroundings.snapshot {
            let bytes = BASE64_STANDARD
                .decode(&snapshot.data)
                .map_err(|error| Failure::internal("snapshot", format!("no base64: {error}")))?;
            files.push((format!("{HOME}/{}", snapshot.path), Bytes::from(bytes)));
            argv.extend(["resume".to_owned(), snapshot.session.clone()]);
        }
        // The prompt comes by standard input: an argument has a size limit, and shows in the process list.
        argv.push("-".to_owned());
        let mut env = environment(surroundings);
        env.insert(
            "CODEX_HOME".into(),
            format!("{}/{HOME}", surroundings.places.home),
        );
        let exec = ExecAsk {
            argv,
            env,
            folder: surroundings.folder.to_owned(),
        };
        let input = Bytes::from(surroundings.context.prompt.clone());
        Ok(Launch {
            exec,
            input,
            files,
            result_file: None,
        })
    }

    fn line(&mut self, origin: Origin, line: &str, log: &Log) {
        if origin == Origin::Output
            && let Ok(event) = serde_json::from_str::<Event>(line)
        {
            if let Some(shown) = event.shown() {
                log.agent(&shown);
            }
            self.take(event);
            return;
        }
        log.agent(line);
        self.errors.push_str(line);
        self.errors.push('\n');
        if self.errors.len() > WORDS * 2 {
            self.errors = tail(&self.errors, WORDS).to_owned();
        }
    }

    fn verdict(&mut self, exited: Exited, _: Option<&[u8]>) -> Verdict {
        let failure = match &self.turn {
            Some(Turn::Completed) => None,
            Some(Turn::Failed(message)) => {
                Some(Failure::new(Reason::AgentError, "turn_failed", message.clone()))
            }
            Some(Turn::Started) => Some(Failure::new(
                Reason::AgentError,
                "turn_cut",
                self.words(exited, "amid its turn"),
            )),
            None => Some(self.never_began(exited)),
        };
        Verdict {
            failure,
            last_message: self.last_message.clone(),
            session: self.session(),
        }
    }

    fn session(&self) -> Option<Session> {
        let id = self.thread_id.clone()?;
        Some(Session {
            id,
            home: HOME.to_owned(),
            folder: SESSIONS.to_owned(),
        })
    }
}

impl Codex {
    fn take(&mut self, event: Event) {
        match event {
            Event::ThreadStarted { thread_id } => self.thread_id = Some(thread_id),
            Event::TurnStarted => self.turn = Some(Turn::Started),
            Event::TurnCompleted => self.turn = Some(Turn::Completed),
            Event::TurnFailed { error } => self.turn = Some(Turn::Failed(error.message)),
            Event::Error { message } => self.last_error = Some(message),
            Event::ItemCompleted {
                item: Item::AgentMessage { text },
            } => self.last_message = Some(text),
            _ => {}
        }
    }

    /// No turn began: with `required`, an MCP server that does not come up ends the program first.
    fn never_began(&self, exited: Exited) -> Failure {
        let words = self.words(exited, "before its turn began");
        let platform = ["mcp", "MCP"].iter().any(|word| words.contains(word));
        let (reason, sub_reason) = if platform {
            (Reason::Environment, "platform_mcp")
        } else {
            (Reason::AgentError, "not_started")
        };
        Failure::new(reason, sub_reason, words)
    }

    fn words(&self, exited: Exited, when: &str) -> String {
        let said = self.last_error.as_deref().unwrap_or(self.errors.trim());
        let how = match exited {
            Exited { code: Some(code), .. } => format!("exit code {code}"),
            Exited { signal, .. } => format!("signal {}", signal.unwrap_or(0)),
        };
        format!("codex ended {when} with {how}: {}", tail(said, WORDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::log::Offsets;

    fn judged(lines: &[&str], code: i32) -> Verdict {
        let log = Log::new(Offsets::default(), 100_000);
        let mut codex = Codex::default();
        for line in lines {
            let origin = if line.starts_with('{') {
                Origin::Output
            } else {
                Origin::Error
            };
            codex.line(origin, line, &log);
        }
        codex.verdict(
            Exited {
                code: Some(code),
                signal: None,
                oom: false,
            },
            None,
        )
    }

    const STARTED: [&str; 2] = [
        r#"{"type":"thread.started","thread_id":"0199-abc"}"#,
        r#"{"type":"turn.started"}"#,
    ];

    #[test]
    fn the_last_turn_event_decides() {
        let message = r#"{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"done"}}"#;
        let completed = r#"{"type":"turn.completed","usage":{"input_tokens":1}}"#;
        let verdict = judged(
            &[
                STARTED[0],
                STARTED[1],
                message,
                r#"{"type":"new.kind"}"#,
                completed,
            ],
            0,
        );
        assert_eq!(verdict.failure, None);
        assert_eq!(verdict.last_message.as_deref(), Some("done"));
        assert_eq!(verdict.session.expect("a session").id, "0199-abc");

        let failed = r#"{"type":"turn.failed","error":{"message":"stream disconnected"}}"#;
        let failure = judged(&[STARTED[0], STARTED[1], failed], 1)
            .failure
            .expect("failed");
        assert_eq!(
            (failure.sub_reason.as_str(), failure.detail.as_str()),
            ("turn_failed", "stream disconnected")
        );

        let failure = judged(&STARTED, 137).failure.expect("failed");
        assert_eq!(failure.sub_reason, "turn_cut");
    }

    #[test]
    fn a_platform_that_does_not_answer_is_told_from_a_broken_program() {
        let words = "Error: required MCP servers failed to initialize: platform: handshaking failed";
        let failure = judged(&[words], 1).failure.expect("failed");
        assert_eq!(
            (failure.reason, failure.sub_reason.as_str()),
            (Reason::Environment, "platform_mcp")
        );
        let failure = judged(&["error: unexpected argument"], 2)
            .failure
            .expect("failed");
        assert_eq!(
            (failure.reason, failure.sub_reason.as_str()),
            (Reason::AgentError, "not_started")
        );
    }
}
