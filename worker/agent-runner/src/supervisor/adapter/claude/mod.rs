//! The Claude Code CLI: `claude --print`, judged by its events.

mod config;
mod event;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use contract::runner::Api;

use self::event::{Ended, Event, Started};
use super::{Adapter, Launch, Origin, Session, Surroundings, Verdict, environment, tail};
use crate::supervisor::end::{Failure, Reason};
use crate::supervisor::log::Log;
use crate::wire::{ExecAsk, Exited};

/// `CLAUDE_CONFIG_DIR` below the agent's home, and where it keeps sessions.
const HOME: &str = ".claude";
const SESSIONS: &str = "projects";
/// Names the platform and nothing else.
const MCP_FILE: &str = "platform.json";
/// Standard error kept for a person.
const WORDS: usize = 2000;

#[derive(Default)]
pub(super) struct Claude {
    session_id: Option<String>,
    /// Why it works without the platform, if it does: it would go on, and do half of its task.
    apart: Option<String>,
    last_message: Option<String>,
    ended: Option<Ended>,
    errors: String,
}

impl Adapter for Claude {
    fn launch(&mut self, surroundings: &Surroundings<'_>) -> Result<Launch, Failure> {
        let (Some(model), Some(model_url)) = (&surroundings.context.agent.model, surroundings.model_url)
        else {
            let text = "the claude adapter needs a model; name one in the agent's profile";
            return Err(Failure::new(Reason::Precondition, "no_model", text));
        };
        super::check_api(model, Api::Messages)?;
        let home = format!("{}/{HOME}", surroundings.places.home);
        let servers = config::servers(surroundings.mcp_url);
        let mut files = vec![(format!("{HOME}/{MCP_FILE}"), Bytes::from(servers))];
        let mut argv = config::arguments(model, &format!("{home}/{MCP_FILE}"));
        if let Some(snapshot) = surroundings.snapshot {
            let bytes = BASE64_STANDARD
                .decode(&snapshot.data)
                .map_err(|error| Failure::internal("snapshot", format!("no base64: {error}")))?;
            files.push((format!("{HOME}/{}", snapshot.path), Bytes::from(bytes)));
            argv.extend(["--resume".to_owned(), snapshot.session.clone()]);
        }
        let mut env = environment(surroundings);
        env.extend(config::environment(model, model_url, home));
        let exec = ExecAsk {
            argv,
            env,
            folder: surroundings.folder.to_owned(),
        };
        Ok(Launch {
            exec,
            // Not an argument: that has a size limit, and shows in the process list.
            input: Bytes::from(surroundings.context.prompt.clone()),
            files,
            result_file: None,
        })
    }

    fn line(&mut self, origin: Origin, line: &str, log: &Log) {
        if origin == Origin::Output
            && let Ok(event) = serde_json::from_str::<Event>(line)
        {
            for shown in event.shown() {
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

    fn hopeless(&self) -> bool {
        self.apart.is_some()
    }

    fn verdict(&mut self, exited: Exited, _: Option<&[u8]>) -> Verdict {
        let failure = match (&self.apart, &self.ended) {
            (Some(why), _) => Some(Failure::new(Reason::Environment, "platform_mcp", why.clone())),
            (None, Some(ended)) => ended
                .fault()
                .map(|why| Failure::new(Reason::AgentError, "turn_failed", tail(&why, WORDS))),
            (None, None) => {
                let (sub_reason, when) = match self.session_id {
                    Some(_) => ("turn_cut", "amid its turn"),
                    None => ("not_started", "before its turn began"),
                };
                Some(Failure::new(
                    Reason::AgentError,
                    sub_reason,
                    self.words(exited, when),
                ))
            }
        };
        Verdict {
            failure,
            last_message: self.last_message.clone(),
            session: self.session(),
        }
    }

    fn session(&self) -> Option<Session> {
        let id = self.session_id.clone()?;
        Some(Session {
            id,
            home: HOME.to_owned(),
            folder: SESSIONS.to_owned(),
        })
    }
}

impl Claude {
    fn take(&mut self, event: Event) {
        if let Some(text) = event.text() {
            self.last_message = Some(text);
        }
        match event {
            Event::System(Started::Init(init)) => {
                self.apart = init.apart();
                self.session_id = Some(init.session_id);
            }
            Event::Result(ended) => {
                if let Some(said) = ended.said() {
                    self.last_message = Some(said.to_owned());
                }
                self.ended = Some(ended);
            }
            _ => {}
        }
    }

    fn words(&self, exited: Exited, when: &str) -> String {
        let how = match exited {
            Exited { code: Some(code), .. } => format!("exit code {code}"),
            Exited { signal, .. } => format!("signal {}", signal.unwrap_or(0)),
        };
        format!(
            "claude ended {when} with {how}: {}",
            tail(self.errors.trim(), WORDS)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::log::Offsets;

    fn judged(lines: &[&str], code: i32) -> (Verdict, bool) {
        let log = Log::new(Offsets::default(), 100_000);
        let mut claude = Claude::default();
        for line in lines {
            let origin = if line.starts_with('{') {
                Origin::Output
            } else {
                Origin::Error
            };
            claude.line(origin, line, &log);
        }
        let exited = Exited {
            code: Some(code),
            signal: None,
            oom: false,
        };
        (claude.verdict(exited, None), claude.hopeless())
    }

    fn failure(lines: &[&str], code: i32) -> (Reason, String, String) {
        let failure = judged(lines, code).0.failure.expect("failed");
        (failure.reason, failure.sub_reason, failure.detail)
    }

    const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"0199-abc","mcp_servers":[{"name":"platform","status":"connected","source":"dynamic"}]}"#;
    const TEXT: &str = r#"{"type":"assistant","message":{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"half"}]},"parent_tool_use_id":null}"#;

    #[test]
    fn the_result_decides() {
        let success =
            r#"{"duration_ms":1,"is_error":false,"subtype":"success","result":"done","type":"result"}"#;
        let (verdict, hopeless) = judged(
            &[
                r#"{"type":"new.kind"}"#,
                r#"{"type":"system","subtype":"ui"}"#,
                INIT,
                TEXT,
                success,
            ],
            0,
        );
        assert_eq!((verdict.failure, hopeless), (None, false));
        assert_eq!(verdict.last_message.as_deref(), Some("done"));
        let session = verdict.session.expect("a session");
        assert_eq!(
            (session.id.as_str(), session.folder.as_str()),
            ("0199-abc", "projects")
        );

        // An error of the model's host has the subtype of a success.
        let refused = r#"{"type":"result","subtype":"success","is_error":true,"result":"API Error: 400 no"}"#;
        assert_eq!(
            failure(&[INIT, TEXT, refused], 1),
            (
                Reason::AgentError,
                "turn_failed".into(),
                "API Error: 400 no".into()
            )
        );
        let broken =
            r#"{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["x","y"]}"#;
        assert_eq!(failure(&[INIT, broken], 1).2, "error_during_execution: x; y");

        let cut = judged(&[INIT, TEXT], 137).0;
        assert_eq!(cut.failure.expect("failed").sub_reason, "turn_cut");
        assert_eq!(cut.last_message.as_deref(), Some("half"));
        assert_eq!(
            failure(&["error: unknown option"], 1).2,
            "claude ended before its turn began with exit code 1: error: unknown option"
        );
    }

    #[test]
    fn without_the_platform_it_does_not_work() {
        let success = r#"{"type":"result","subtype":"success","is_error":false,"result":"done"}"#;
        for servers in [
            r#"[{"name":"platform","status":"failed"}]"#,
            r#"[{"name":"platform","status":"needs-auth"}]"#,
            r#"[{"name":"platform","status":"connected"},{"name":"other","status":"pending"}]"#,
            r#"[{"name":"other","status":"connected"}]"#,
            "[]",
        ] {
            let init =
                format!(r#"{{"type":"system","subtype":"init","session_id":"s","mcp_servers":{servers}}}"#);
            assert!(judged(&[&init], 0).1, "{servers}");
            let (reason, sub_reason, _) = failure(&[&init, success], 0);
            assert_eq!(
                (reason, sub_reason.as_str()),
                (Reason::Environment, "platform_mcp"),
                "{servers}"
            );
        }
    }
}
