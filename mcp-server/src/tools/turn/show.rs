//! A turn in the contract's words.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::runner::{
    self, AgentSettings, Answer, Branch, CONTRACT_VERSION, CommitAuthor, Limits, Model, Repository,
    RunContext, WorkItem,
};
use orchestrator::Result;
use orchestrator::approval::Wait;
use orchestrator::run::{
    self, HEARTBEAT_SECONDS, MAX_BUNDLE_BYTES, MAX_LOG_BYTES, MAX_SNAPSHOT_BYTES, Snapshot, TurnContext,
};

use crate::config::Config;
use crate::tools::{count, word};

pub(super) fn context(turn: TurnContext, config: &Config) -> Result<RunContext> {
    let profile = turn.profile;
    let effort = turn.run.effort.clone().or_else(|| profile.effort.clone());
    let as_model = |model: orchestrator::agent::Model| -> Result<Model> {
        Ok(Model {
            name: model.model,
            api: word(model.api.as_str())?,
            base_url: model.base_url,
            effort,
        })
    };
    let model = turn.model.map(as_model).transpose()?;
    let write_exclude = profile.excluded();
    Ok(RunContext {
        contract_version: CONTRACT_VERSION,
        run_id: turn.run.run_id.uuid(),
        turn: count(turn.run.turn),
        stage: turn.run.stage,
        repository: Repository {
            repository_id: turn.repository.repository_id.uuid(),
            owner: turn.repository.owner,
            name: turn.repository.name,
            clone_url: turn.repository.clone_url,
            default_branch: turn.repository.default_branch,
        },
        work_item: turn.work_item.map(|item| WorkItem {
            number: count(item.number),
            title: item.title,
            url: item.url,
            author: item.author_login,
        }),
        prompt: turn.prompt,
        agent: AgentSettings {
            adapter: word(profile.adapter.as_str())?,
            command: profile.command,
            environment: profile.environment,
            model,
            output: word(profile.output.as_str())?,
            write_exclude,
            write_include: profile.write_include,
        },
        branch: Branch {
            name: turn.run.branch,
            base_sha: turn.run.base_sha,
        },
        commit_author: CommitAuthor {
            name: config.commit_name.clone(),
            email: config.commit_email.clone(),
        },
        limits: Limits {
            active_seconds: count(turn.allowance.active_seconds_left),
            heartbeat_seconds: count(HEARTBEAT_SECONDS),
            bundle_bytes: count(MAX_BUNDLE_BYTES),
            log_bytes: count(MAX_LOG_BYTES),
            snapshot_bytes: count(MAX_SNAPSHOT_BYTES),
            tokens: turn.allowance.tokens.map(count),
        },
        answers: turn.answers.into_iter().filter_map(answer).collect(),
        has_snapshot: turn.has_snapshot,
        traceparent: Some(turn.run.traceparent),
    })
}

pub(super) fn allowance(allowance: &run::Allowance) -> Result<runner::Allowance> {
    Ok(runner::Allowance {
        active_seconds_left: count(allowance.active_seconds_left),
        tokens: allowance.tokens.map(count),
        spent: allowance.spent.map(|spent| word(spent.as_str())).transpose()?,
    })
}

fn answer(wait: Wait) -> Option<Answer> {
    Some(Answer {
        wait_id: wait.wait_id.uuid(),
        question: wait.question,
        answer: wait.answer?,
        answered_by: wait
            .answered_by
            .map_or_else(|| "a program".to_owned(), |person| person.to_string()),
        answered_at: wait.answered_at?,
    })
}

pub(super) fn snapshot(snapshot: Snapshot) -> runner::Snapshot {
    runner::Snapshot {
        session: snapshot.session,
        path: snapshot.path,
        sha256: snapshot.sha256,
        data: STANDARD.encode(snapshot.data),
    }
}
