//! Any program that speaks the small contract of `docs/how-to/agent-command.md`.

use bytes::Bytes;
use serde::Deserialize;

use super::{Adapter, Launch, Origin, Session, Surroundings, Verdict, environment, tail};
use crate::supervisor::end::{Failure, Reason};
use crate::supervisor::log::Log;
use crate::wire::{ExecAsk, Exited};

const PROMPT_FILE: &str = ".codexk8s/prompt.md";
const RESULT_FILE: &str = ".codexk8s/result.json";
/// Last words kept where the program leaves no result file.
const WORDS: usize = 2000;

#[derive(Default)]
pub(super) struct Command {
    output: String,
    errors: String,
}

#[derive(Deserialize)]
struct Outcome {
    message: Option<String>,
}

impl Adapter for Command {
    fn launch(&mut self, surroundings: &Surroundings<'_>) -> Result<Launch, Failure> {
        let argv = surroundings.context.agent.command.clone();
        if argv.is_empty() {
            let text = "the agent's profile names no command; set one with agent_update";
            return Err(Failure::new(Reason::Precondition, "no_command", text));
        }
        let home = &surroundings.places.home;
        let mut env = environment(surroundings);
        env.insert("CODEXK8S_PROMPT_FILE".into(), format!("{home}/{PROMPT_FILE}"));
        env.insert("CODEXK8S_RESULT_FILE".into(), format!("{home}/{RESULT_FILE}"));
        env.insert("CODEXK8S_MCP_URL".into(), surroundings.mcp_url.to_owned());
        if let Some(url) = surroundings.model_url {
            env.insert("CODEXK8S_MODEL_URL".into(), url.to_owned());
        }
        if let Some(model) = &surroundings.context.agent.model {
            env.insert("CODEXK8S_MODEL".into(), model.name.clone());
        }
        let prompt = Bytes::from(surroundings.context.prompt.clone());
        Ok(Launch {
            exec: ExecAsk {
                argv,
                env,
                folder: surroundings.folder.to_owned(),
            },
            input: Bytes::new(),
            files: vec![(PROMPT_FILE.to_owned(), prompt)],
            result_file: Some(RESULT_FILE.to_owned()),
        })
    }

    fn line(&mut self, origin: Origin, line: &str, log: &Log) {
        log.agent(line);
        let words = if origin == Origin::Output {
            &mut self.output
        } else {
            &mut self.errors
        };
        words.push_str(line);
        words.push('\n');
        if words.len() > WORDS * 2 {
            *words = tail(words, WORDS).to_owned();
        }
    }

    fn verdict(&mut self, exited: Exited, result: Option<&[u8]>) -> Verdict {
        let outcome = result.map(serde_json::from_slice::<Outcome>);
        let unreadable = matches!(outcome, Some(Err(_)));
        let said = tail(self.output.trim(), WORDS);
        let last_message = outcome
            .and_then(Result::ok)
            .and_then(|outcome| outcome.message)
            .or_else(|| (!said.is_empty()).then(|| said.to_owned()));
        let failure = match exited {
            Exited { code: Some(0), .. } if unreadable => Some(Failure::new(
                Reason::OutputInvalid,
                "result_file",
                r#"the result file is no JSON of the form {"message": "..."}"#,
            )),
            Exited { code: Some(0), .. } => None,
            Exited { code: Some(code), .. } => Some(self.failed("exit_code", &format!("exit code {code}"))),
            Exited { signal, .. } => Some(self.failed("signal", &format!("signal {}", signal.unwrap_or(0)))),
        };
        Verdict {
            failure,
            last_message,
            session: None,
        }
    }

    fn session(&self) -> Option<Session> {
        None
    }
}

impl Command {
    fn failed(&self, sub_reason: &str, how: &str) -> Failure {
        let words = if self.errors.trim().is_empty() {
            &self.output
        } else {
            &self.errors
        };
        let detail = format!(
            "the agent's program ended with {how}: {}",
            tail(words.trim(), WORDS)
        );
        Failure::new(Reason::AgentError, sub_reason, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::log::Offsets;

    fn exited(code: i32) -> Exited {
        Exited {
            code: Some(code),
            signal: None,
            oom: false,
        }
    }

    #[test]
    fn the_exit_code_decides_and_the_result_file_speaks() {
        let log = Log::new(Offsets::default(), 1000);
        let mut program = Command::default();
        program.line(Origin::Output, "working", &log);
        program.line(Origin::Error, "cannot open file", &log);

        let verdict = program.verdict(exited(0), Some(br#"{"message": "all done"}"#));
        assert_eq!(
            (verdict.failure, verdict.last_message.as_deref()),
            (None, Some("all done"))
        );
        let verdict = program.verdict(exited(0), None);
        assert_eq!(
            (verdict.failure, verdict.last_message.as_deref()),
            (None, Some("working"))
        );
        let failure = program.verdict(exited(3), None).failure.expect("failed");
        assert_eq!(
            (failure.reason, failure.sub_reason.as_str()),
            (Reason::AgentError, "exit_code")
        );
        assert!(
            failure.detail.contains("exit code 3: cannot open file"),
            "{failure}"
        );
        let failure = program.verdict(exited(0), Some(b"done")).failure.expect("failed");
        assert_eq!(failure.sub_reason, "result_file");
    }
}
