//! Who works on a stage.

use std::collections::BTreeMap;

use contract::agent::{
    AgentGet, AgentList, AgentPage, AgentPublish, AgentUpdate, AgentVersionList, AgentView, Globs,
    VersionLine, VersionPage, VersionState,
};
use contract::bounded::Text;
use contract::page::{Cursor, PageLimit};
use orchestrator::agent::{self, Adapter, Agent, AgentChange, Output, Version, Versions, VersionsAsk};
use orchestrator::page::DEFAULT_LIMIT;
use orchestrator::project::access::Operation;
use orchestrator::{Error, Result};

use super::{STAFF, count, idempotency_key, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<List>()
        .with::<Get>()
        .with::<VersionList>()
        .with::<Update>()
        .with::<Publish>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "agent_list";
    const TITLE: &'static str = "List agents";
    const ABOUT: &'static str = "Lists who works on each stage of a project, or by the platform's default without project_id: program, model, \
         output, paths that may be changed, limits. Shows what runs work by now, and drafts that are newer. What they \
         are told is in prompt_list.";
    const OPERATION: Operation = Operation::AgentRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = AgentList;
    type Answer = AgentPage;

    async fn call(call: &Call<'_>, ask: AgentList) -> Result<AgentPage> {
        let project_id = ask.project_id.map(Into::into);
        let found = agent::list_agents(call.orchestrator, call.actor, project_id).await?;
        Ok(AgentPage {
            agents: found.iter().map(show).collect::<Result<_>>()?,
        })
    }
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "agent_get";
    const TITLE: &'static str = "Show an agent";
    const ABOUT: &'static str = "Shows the profile of one stage: what runs work by now, or with a version that version, draft or not. Call it \
         before agent_update and agent_publish, which name the version you saw.";
    const OPERATION: Operation = Operation::AgentRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = AgentGet;
    type Answer = AgentView;

    async fn call(call: &Call<'_>, ask: AgentGet) -> Result<AgentView> {
        let project_id = ask.project_id.map(Into::into);
        let version = ask.version.map(|version| count(version.get()));
        let stage = ask.stage.as_str();
        let found = agent::read_agent(call.orchestrator, call.actor, project_id, stage, version);
        show(&found.await?)
    }
}

struct VersionList;

impl Tool for VersionList {
    const NAME: &'static str = "agent_version_list";
    const TITLE: &'static str = "List an agent's versions";
    const ABOUT: &'static str = "Lists every version that the profile of a stage had, newest first, drafts too: who wrote it, who published it. \
         Use it to find the versions to compare, and read each with agent_get. A project without a profile of its own has \
         none.";
    const OPERATION: Operation = Operation::AgentRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = AgentVersionList;
    type Answer = VersionPage;

    async fn call(call: &Call<'_>, ask: AgentVersionList) -> Result<VersionPage> {
        let on = (ask.project_id.map(Into::into), ask.stage.as_str());
        let page = versions_ask(ask.limit, ask.cursor.as_ref())?;
        Ok(show_versions(
            agent::agent_versions(call.orchestrator, call.actor, on, page).await?,
        ))
    }
}

struct Update;

impl Tool for Update {
    const NAME: &'static str = "agent_update";
    const TITLE: &'static str = "Draft a change of an agent";
    const ABOUT: &'static str = "Saves a draft of a stage's profile; what is not given stays. Nothing works by it until agent_publish. A project \
         without a profile of its own begins with the platform's. Name the newest_version of agent_get; stale_version \
         says that somebody was faster.";
    const OPERATION: Operation = Operation::AgentDraft;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Add;
    type Ask = AgentUpdate;
    type Answer = AgentView;

    async fn call(call: &Call<'_>, ask: AgentUpdate) -> Result<AgentView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let project_id = ask.project_id.map(Into::into);
        let stage = ask.stage.clone().into_inner();
        let version = ask.version.map(|version| count(version.get()));
        let change = change(ask)?;
        let on = (project_id, stage.as_str());
        let saved = agent::update_agent(call.orchestrator, call.actor, on, version, change, key);
        show(&saved.await?)
    }
}

struct Publish;

impl Tool for Publish {
    const NAME: &'static str = "agent_publish";
    const TITLE: &'static str = "Publish an agent";
    const ABOUT: &'static str = "Lets the newest version of a stage's profile count: runs that start from now on work by it, those that are there \
         keep theirs. Look at it with agent_get first and name its version. A maintainer publishes what somebody else \
         drafted; an admin publishes anything.";
    const OPERATION: Operation = Operation::AgentPublish;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = AgentPublish;
    type Answer = AgentView;

    async fn call(call: &Call<'_>, ask: AgentPublish) -> Result<AgentView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let on = (ask.project_id.map(Into::into), ask.stage.as_str());
        let version = count(ask.version.get());
        show(&agent::publish_agent(call.orchestrator, call.actor, on, version, key).await?)
    }
}

fn change(ask: AgentUpdate) -> Result<AgentChange> {
    let adapter = ask.adapter.map(written_word).transpose()?;
    let output = ask.output.map(written_word).transpose()?;
    let unknown = || Error::internal("a word of the contract that the domain lacks");
    let globs = |globs: Globs| globs.into_inner().into_iter().map(Text::into_inner).collect();
    let settings = |settings: BTreeMap<String, Text<0, 4096>>| {
        let settings = settings.into_iter();
        settings.map(|(name, value)| (name, value.into_inner())).collect()
    };
    Ok(AgentChange {
        adapter: adapter
            .map(|word| Adapter::parse(&word).ok_or_else(unknown))
            .transpose()?,
        command: ask
            .command
            .map(|words| words.into_inner().into_iter().map(Text::into_inner).collect()),
        environment: ask.environment.map(settings),
        model: ask.model.map(taken),
        effort: ask.effort.map(taken),
        output: output
            .map(|word| Output::parse(&word).ok_or_else(unknown))
            .transpose()?,
        write_include: ask.write_include.map(globs),
        write_exclude: ask.write_exclude.map(globs),
        runtime_class: ask.runtime_class.map(taken),
        cpu: ask.cpu.map(Text::into_inner),
        memory: ask.memory.map(Text::into_inner),
        active_seconds: ask
            .active_seconds
            .map(|seconds| Some(seconds.get().cast_signed()).filter(|seconds| *seconds > 0)),
    })
}

/// An empty word takes away.
fn taken<const MAX: usize>(word: Text<0, MAX>) -> Option<String> {
    Some(word.into_inner()).filter(|word| !word.is_empty())
}

pub(super) fn state(version: &Version) -> VersionState {
    if version.published.is_some() {
        VersionState::Published
    } else {
        VersionState::Draft
    }
}

pub(super) fn versions_ask(limit: Option<PageLimit>, cursor: Option<&Cursor>) -> Result<VersionsAsk> {
    let before = cursor.map(|cursor| cursor.as_str().parse()).transpose();
    Ok(VersionsAsk {
        before: before.map_err(|_| Error::Invalid("cursor: pass next_cursor of the page before".into()))?,
        limit: limit.map_or(DEFAULT_LIMIT, |limit| count(limit.get())),
    })
}

pub(super) fn show_versions(found: Versions) -> VersionPage {
    let last = found.versions.last().filter(|_| found.more);
    let next_cursor = last.map(|last| last.number.to_string());
    VersionPage {
        versions: found.versions.into_iter().map(version_line).collect(),
        next_cursor,
    }
}

fn version_line(version: Version) -> VersionLine {
    VersionLine {
        version: count(version.number),
        state: state(&version),
        written_by: version.written_by,
        written_at: version.written_at,
        published_at: version.published.as_ref().map(|published| published.at),
        published_by: version.published.map(|published| published.by),
    }
}

fn show(agent: &Agent) -> Result<AgentView> {
    let (profile, version) = (&agent.profile.of, &agent.profile.version);
    let published = version.published.as_ref();
    let protected = profile.excluded().into_iter().skip(profile.write_exclude.len());
    Ok(AgentView {
        agent_profile_id: profile.agent_profile_id.uuid(),
        project_id: profile.project_id.map(Into::into),
        stage: profile.stage.clone(),
        version: count(version.number),
        state: state(version),
        newest_version: agent.newest.map(count),
        adapter: word(profile.adapter.as_str())?,
        command: profile.command.clone(),
        environment: profile.environment.clone(),
        model: profile.model.clone(),
        effort: profile.effort.clone(),
        output: word(profile.output.as_str())?,
        write_include: profile.write_include.clone(),
        write_exclude: profile.write_exclude.clone(),
        write_protected: protected.collect(),
        runtime_class: profile.runtime_class.clone(),
        cpu: profile.cpu.clone(),
        memory: profile.memory.clone(),
        active_seconds: profile.active_seconds.map(count),
        written_by: version.written_by.clone(),
        written_at: version.written_at,
        published_by: published.map(|published| published.by.clone()),
        published_at: published.map(|published| published.at),
    })
}
