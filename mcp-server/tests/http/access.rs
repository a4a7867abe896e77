//! Every tool, called by every kind of principal, on its own things, on somebody else's, and on things that are not
//! there. What one may not see answers byte for byte like what is not there.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use futures_util::stream::{self, StreamExt};
use jiff::SignedDuration;
use orchestrator::actor::{Actor, PlatformRole, Role};
use orchestrator::approval::{self, WaitKind};
use orchestrator::delivery::{self, NewDelivery};
use orchestrator::effect;
use orchestrator::knowledge::{self, DocumentKind, Language, NewDocument, NewPassage};
use orchestrator::page::PageAsk;
use orchestrator::run;
use orchestrator::slot;
use orchestrator::testing::{Seeded, agent_of, seed};
use orchestrator::trace::TraceParent;
use orchestrator::trigger;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Turn, World};

#[derive(Clone, Copy, Debug)]
enum Column {
    Service(Role),
    Platform(PlatformRole),
    Supervisor,
    Agent,
    /// A person with this role in the project, by the session of its browser.
    Person(Role),
    /// A person whom the platform knows, without any role.
    Stranger,
}

const COLUMNS: [Column; 16] = [
    Column::Service(Role::Viewer),
    Column::Service(Role::Contributor),
    Column::Service(Role::Reviewer),
    Column::Service(Role::Maintainer),
    Column::Service(Role::Admin),
    Column::Platform(PlatformRole::Operator),
    Column::Platform(PlatformRole::Auditor),
    Column::Platform(PlatformRole::Owner),
    Column::Supervisor,
    Column::Agent,
    Column::Person(Role::Viewer),
    Column::Person(Role::Contributor),
    Column::Person(Role::Reviewer),
    Column::Person(Role::Maintainer),
    Column::Person(Role::Admin),
    Column::Stranger,
];

impl Column {
    fn name(self) -> String {
        match self {
            Self::Service(role) => role.to_string(),
            Self::Platform(role) => role.to_string(),
            Self::Supervisor => "supervisor".into(),
            Self::Agent => "agent".into(),
            Self::Person(role) => format!("person {role}"),
            Self::Stranger => "stranger".into(),
        }
    }

    /// Whether every project is its own.
    fn is_everywhere(self) -> bool {
        matches!(self, Self::Platform(_))
    }
}

/// The ids of one project's things.
#[derive(Clone, Copy, Debug)]
struct Things {
    project: Uuid,
    repository: Uuid,
    run: Uuid,
    /// A run that is over.
    ended: Uuid,
    slot: Uuid,
    effect: Uuid,
    wait: Uuid,
    delivery: Uuid,
    /// A member of the project.
    person: Uuid,
    /// A token of a program of the project.
    token: Uuid,
    /// A session of the member.
    session: Uuid,
    /// A trigger rule that came with the platform.
    rule: Uuid,
}

impl Things {
    fn missing() -> Self {
        let [
            project,
            repository,
            run,
            ended,
            slot,
            effect,
            wait,
            delivery,
            person,
            token,
            session,
            rule,
        ] = [(); 12].map(|()| Uuid::now_v7());
        Self {
            project,
            repository,
            run,
            ended,
            slot,
            effect,
            wait,
            delivery,
            person,
            token,
            session,
            rule,
        }
    }

    fn ids(&self) -> [Uuid; 12] {
        let Self {
            project,
            repository,
            run,
            ended,
            slot,
            effect,
            wait,
            delivery,
            person,
            token,
            session,
            rule,
        } = *self;
        [
            project, repository, run, ended, slot, effect, wait, delivery, person, token, session, rule,
        ]
    }
}

/// How a tool is called.
enum Ask {
    /// On a thing of which there are others.
    On(Value),
    /// On the caller's own turn, or on everything one may see.
    Own(Value),
}

/// In the order in which they are called: what ends something comes last.
const TOOLS: [&str; 112] = [
    "access_explain",
    "agent_get",
    "agent_list",
    "agent_version_list",
    "agent_update",
    "agent_publish",
    "audit_list",
    "audit_verify",
    "delivery_explain",
    "delivery_get",
    "delivery_list",
    "effect_get",
    "effect_list",
    "environment_event_list",
    "environment_get",
    "environment_list",
    "environment_log_tail",
    "environment_delete",
    "inbox_list",
    "issue_comment",
    "issue_create",
    "issue_get",
    "issue_label",
    "issue_list",
    "knowledge_get",
    "knowledge_search",
    "knowledge_source_list",
    "knowledge_source_set",
    "knowledge_reindex",
    "model_list",
    "model_set",
    "principal_get",
    "prompt_get",
    "prompt_list",
    "prompt_version_list",
    "prompt_update",
    "prompt_publish",
    "pull_request_get",
    "pull_request_open",
    "pull_request_review",
    "repository_attach",
    "repository_get",
    "repository_list",
    "repository_preflight",
    "repository_token_issue",
    "repository_update",
    "run_change_list",
    "run_context_get",
    "run_event_list",
    "run_explain",
    "run_get",
    "run_heartbeat",
    "run_limit_raise",
    "run_list",
    "run_log_append",
    "run_log_tail",
    "run_prompt_get",
    "run_retry",
    "run_snapshot_put",
    "run_snapshot_get",
    "run_start",
    "run_status_report",
    "run_token_refresh",
    "run_usage_get",
    "run_usage_report",
    "secret_list",
    "secret_set",
    "slot_explain",
    "slot_extend",
    "session_list",
    "slot_get",
    "slot_limit_set",
    "slot_list",
    "slot_release",
    "tool_search",
    "trigger_list",
    "trigger_delete",
    "trigger_set",
    "trigger_test",
    "wait_get",
    "job_list",
    "job_retry",
    "member_list",
    "project_get",
    "project_list",
    "project_update",
    "setting_list",
    "setting_set",
    "stats_get",
    "stats_series_get",
    "token_create",
    "token_list",
    "user_invite",
    "user_list",
    "worker_list",
    "project_create",
    "delivery_replay",
    "run_cancel",
    "repository_detach",
    "session_revoke",
    "token_revoke",
    "member_set",
    "member_remove",
    "project_pause",
    "project_resume",
    "project_delete",
    "project_restore",
    "platform_pause",
    "platform_resume",
    "user_disable",
    "user_enable",
    "run_finish",
];

fn knowledge_ask(tool: &str, project: &Uuid, repository: &Uuid) -> Ask {
    Ask::On(match tool {
        "knowledge_get" => json!({"repository_id": repository, "path": "README.md"}),
        "knowledge_search" => json!({"repository_id": repository, "query": "price"}),
        "knowledge_source_list" => json!({"project_id": project}),
        "knowledge_source_set" => json!({"repository_id": repository, "version": 1, "visible_to": "project"}),
        _ => json!({"repository_id": repository}),
    })
}

fn ask(tool: &str, things: &Things) -> Ask {
    let Things {
        project,
        repository,
        run,
        ended,
        slot,
        effect,
        delivery,
        person,
        rule,
        ..
    } = things;
    match tool {
        "delivery_explain" | "delivery_replay" => Ask::On(json!({"delivery_id": delivery})),
        "delivery_get" => Ask::On(json!({"delivery_id": delivery, "payload": true})),
        "effect_get" => Ask::On(json!({"effect_id": effect})),
        "issue_comment" => Ask::On(json!({"repository_id": repository, "number": 1, "body": "On it."})),
        "issue_create" => Ask::On(json!({"repository_id": repository, "title": "Found", "body": "All."})),
        knowledge if knowledge.starts_with("knowledge_") => knowledge_ask(knowledge, project, repository),
        "pull_request_review" => Ask::On(json!({"repository_id": repository, "body": "Fine."})),
        "run_limit_raise" => Ask::On(json!({"run_id": run, "active_seconds_limit": 7200})),
        "slot_extend" => Ask::On(json!({"slot_id": slot, "minutes": 5})),
        "slot_limit_set" => Ask::On(json!({"project_id": project, "slots": 9})),
        "issue_label" => Ask::On(json!({"repository_id": repository, "number": 1, "add": ["bug"]})),
        "pull_request_get" => Ask::On(json!({"repository_id": repository, "number": 77})),
        "effect_list" | "run_cancel" | "run_change_list" | "run_event_list" | "run_explain" | "run_get"
        | "run_log_tail" | "run_prompt_get" | "run_usage_get" => Ask::On(json!({"run_id": run})),
        "repository_attach" => Ask::On(json!({"project_id": project, "repository": "octo/new"})),
        "issue_get" => Ask::On(json!({"repository_id": repository, "number": 1})),
        "issue_list"
        | "repository_detach"
        | "repository_get"
        | "repository_preflight"
        | "repository_update"
        | "run_list" => Ask::On(json!({"repository_id": repository})),
        "run_retry" => Ask::On(json!({"run_id": ended})),
        "run_start" => {
            Ask::On(json!({"repository_id": repository, "stage": "dev", "instruction": "Tidy up."}))
        }
        "secret_set" => Ask::On(
            json!({"project_id": project, "name": "db", "kind": "value", "value": "a-secret-of-the-project"}),
        ),
        "slot_explain"
        | "slot_get"
        | "slot_release"
        | "environment_get"
        | "environment_event_list"
        | "environment_log_tail"
        | "environment_delete" => Ask::On(json!({"slot_id": slot})),
        "session_revoke" => Ask::On(json!({"session_id": things.session})),
        "stats_series_get" => Ask::On(json!({"project_id": project, "bucket": "day"})),
        "token_create" => Ask::On(json!({"project_id": project, "name": "ci", "role": "viewer"})),
        "token_revoke" => Ask::On(json!({"token_id": things.token})),
        "wait_get" => Ask::On(json!({"wait_id": things.wait})),
        "access_explain" => Ask::On(json!({"operation": "run_start", "project_id": project})),
        "agent_get" | "agent_version_list" => Ask::On(json!({"project_id": project, "stage": "dev"})),
        "agent_update" => Ask::On(json!({"project_id": project, "stage": "dev", "memory": "8Gi"})),
        "agent_publish" | "prompt_publish" => {
            Ask::On(json!({"project_id": project, "stage": "dev", "version": 1}))
        }
        "prompt_get" | "prompt_version_list" => {
            Ask::On(json!({"project_id": project, "stage": "dev", "kind": "review"}))
        }
        "prompt_update" => Ask::On(json!({"project_id": project, "stage": "dev", "body": "Work."})),
        "trigger_delete" => Ask::On(json!({"project_id": project, "trigger_rule_id": rule, "version": 1})),
        "trigger_set" => Ask::On(json!({"project_id": project, "position": 5,
            "rule": {"event": "issues", "act": "start_run"}})),
        "trigger_test" => Ask::On(json!({"project_id": project, "sample": {"event": "star"}})),
        "model_set" => Ask::Own(json!({"model": "gpt-7", "base_url": "https://models.example/v1"})),
        "agent_list" | "prompt_list" | "trigger_list" | "audit_list" | "audit_verify" | "delivery_list"
        | "repository_list" | "secret_list" | "member_list" | "project_get" | "project_pause"
        | "project_resume" | "project_restore" | "stats_get" | "token_list" => {
            Ask::On(json!({"project_id": project}))
        }
        "project_update" => Ask::On(json!({"project_id": project, "name": "Renamed"})),
        "project_delete" => Ask::On(json!({"project_id": project, "slug": "shop"})),
        "member_set" => Ask::On(json!({"project_id": project, "person_id": person, "role": "viewer"})),
        "member_remove" => Ask::On(json!({"project_id": project, "person_id": person})),
        "session_list" | "user_disable" | "user_enable" => Ask::On(json!({"person_id": person})),
        "user_invite" => Ask::Own(json!({"login": "newcomer"})),
        "project_create" => Ask::Own(json!({"slug": "newest", "name": "Newest"})),
        "setting_set" => Ask::Own(json!({"name": "max_live_runs", "value": 50})),
        "job_retry" => Ask::Own(json!({"job_id": 1_000_000_000})),
        "model_list" | "job_list" | "platform_pause" | "platform_resume" | "project_list" | "inbox_list"
        | "setting_list" | "user_list" | "worker_list" | "principal_get" | "pull_request_open"
        | "run_heartbeat" | "run_snapshot_get" | "run_token_refresh" | "slot_list" | "environment_list" => {
            Ask::Own(json!({}))
        }
        "repository_token_issue" => Ask::Own(json!({"access": "read"})),
        "run_context_get" => Ask::Own(json!({"contract_version": 1})),
        "run_finish" => Ask::Own(json!({"outcome": "failed", "reason": "agent_error"})),
        "run_log_append" => Ask::Own(json!({"stream": "agent", "offset": 0, "text": "hello"})),
        "run_snapshot_put" => Ask::Own(json!({"session": "s", "path": "p", "data": "aGVsbG8=",
            "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"})),
        "run_status_report" => Ask::Own(json!({"text": "Reading."})),
        "tool_search" => Ask::Own(json!({"query": "run"})),
        "run_usage_report" => Ask::Own(json!({"models": []})),
        other => panic!("{other} is missing from the table"),
    }
}

async fn things(world: &World, of: &Seeded, github_repository_id: i64) -> (Things, Turn) {
    let system = Actor::System("test");
    let orchestrator = &world.orchestrator;
    let ended = of.start(orchestrator, Some(8)).await.expect("a run").run_id;
    run::cancel(orchestrator, &system, ended, None, None)
        .await
        .expect("an end");
    let turn = world.turn(of, 1).await;
    let run_id = turn.run.run_id;
    run::heartbeat(orchestrator, &orchestrator::testing::supervisor_of(&turn.run))
        .await
        .expect("a heartbeat");
    let agent = agent_of(&turn.run);
    let hour = SignedDuration::from_hours(1);
    let wait = approval::ask(orchestrator, &agent, WaitKind::Question, "Blue?", hour)
        .await
        .expect("a wait");
    let first = PageAsk::new(None, None).expect("a page");
    let effects = effect::list(orchestrator, &system, Some(run_id), first)
        .await
        .expect("effects");
    let slots = slot::list(orchestrator, &system, None, first)
        .await
        .expect("slots");
    let slot = slots
        .items
        .iter()
        .find(|slot| slot.project_id == of.project_id)
        .expect("a slot");
    let rules = trigger::list_rules(orchestrator, &system, of.project_id)
        .await
        .expect("rules");
    let delivery = delivery_from(world, github_repository_id).await;
    index_readme(world, of).await;
    let (_, session) = world.session_of(of.person_id).await;
    let things = Things {
        project: of.project_id.uuid(),
        repository: of.repository_id.uuid(),
        run: run_id.uuid(),
        ended: ended.uuid(),
        slot: slot.slot_id.uuid(),
        effect: effects.items.first().expect("a status comment").effect_id.uuid(),
        wait: wait.wait_id.uuid(),
        delivery,
        person: of.person_id.uuid(),
        token: world.named_token(of.project_id).await,
        session,
        rule: rules.first().expect("a rule").trigger_rule_id.uuid(),
    };
    (things, turn)
}

/// A README of the project's repository, which is private, as it can be searched.
async fn index_readme(world: &World, of: &Seeded) {
    let orchestrator = &world.orchestrator;
    let pass = knowledge::begin(orchestrator, of.repository_id, &"c".repeat(40), true).await;
    let pass = pass.expect("a pass").expect("something to read");
    let text = "What a price is.".to_owned();
    let readme = NewDocument {
        path: "README.md".into(),
        blob_sha: "b".repeat(40),
        bytes: 16,
        kind: DocumentKind::Docs,
        language: Language::English,
        passages: vec![NewPassage {
            heading: "Prices".into(),
            names: Vec::new(),
            lines: (1, 1),
            text: text.clone(),
        }],
        text,
    };
    knowledge::put(orchestrator, &pass, &readme)
        .await
        .expect("a document");
    knowledge::finish(orchestrator, &pass).await.expect("an index");
}

/// A delivery of a repository, worked on.
pub(crate) async fn delivery_from(world: &World, github_repository_id: i64) -> Uuid {
    let orchestrator = &world.orchestrator;
    let new = NewDelivery {
        guid: Uuid::now_v7().to_string(),
        event: "star".into(),
        content_type: None,
        body: json!({"action": "created", "repository": {"id": github_repository_id}})
            .to_string()
            .into_bytes(),
        traceparent: TraceParent::begin(),
    };
    let received = delivery::receive(orchestrator, new).await.expect("a delivery");
    let delivery_id = received.delivery_id;
    delivery::examine(orchestrator, delivery_id, None)
        .await
        .expect("a verdict");
    delivery_id.uuid()
}

fn outcome(answer: &Value) -> String {
    if answer["error"]["message"] == "tool not found" {
        return "-".into();
    }
    if answer["result"]["isError"] == true {
        return answer["result"]["structuredContent"]["code"]
            .as_str()
            .expect("a code")
            .into();
    }
    assert!(answer["result"]["structuredContent"].is_object(), "{answer}");
    "ok".into()
}

/// What one principal hears from each tool, and which tools it is shown.
async fn column(column: Column) -> (Vec<String>, Vec<String>) {
    let world = World::new().await;
    let bank = seed(&world.orchestrator, "bank", 2, 4).await.expect("a project");
    let (foreign, _) = things(&world, &bank, 5002).await;
    let (own, turn) = things(&world, &world.shop, 5001).await;
    let missing = Things::missing();
    let working = world.work().await;
    let token = match column {
        Column::Service(role) => world.service_token(role).await,
        Column::Platform(role) => world.platform_token(role).await,
        Column::Supervisor => turn.supervisor.clone(),
        Column::Agent => turn.agent.clone(),
        Column::Person(role) => world.person_token(Some(role)).await,
        Column::Stranger => world.person_token(None).await,
    };
    let shown = world.tools(&token).await;
    let mut cells = Vec::new();
    for tool in TOOLS {
        let cell = match ask(tool, &own) {
            Ask::Own(arguments) => outcome(&world.call(&token, tool, arguments).await),
            Ask::On(arguments) => {
                let there = world.call(&token, tool, on(tool, &foreign)).await;
                let not_there = world.call(&token, tool, on(tool, &missing)).await.to_string();
                let mut said = there.to_string();
                for (foreign, missing) in foreign.ids().iter().zip(missing.ids()) {
                    said = said.replace(&foreign.to_string(), &missing.to_string());
                }
                assert!(
                    said == not_there || column.is_everywhere(),
                    "{tool} as {column:?} tells that the thing is there: {said}, not {not_there}"
                );
                let own = outcome(&world.call(&token, tool, arguments).await);
                let other = outcome(&there);
                if own == "-" {
                    own
                } else {
                    format!("{own} / {other}")
                }
            }
        };
        assert_eq!(
            cell == "-",
            !shown.iter().any(|name| name == tool),
            "{tool} as {column:?}: list and call agree"
        );
        cells.push(cell);
    }
    for list in shown
        .iter()
        .filter(|tool| {
            [
                "run_list",
                "slot_list",
                "environment_list",
                "delivery_list",
                "project_list",
                "audit_list",
            ]
            .contains(&tool.as_str())
        })
        .filter(|_| !column.is_everywhere())
    {
        let all = world.ok(&token, list, json!({})).await.to_string();
        let leaked = foreign.ids().into_iter().find(|id| all.contains(&id.to_string()));
        assert_eq!(leaked, None, "{list} as {column:?}");
    }
    working.stop().await;
    world.db.done().await;
    (cells, shown)
}

fn on(tool: &str, things: &Things) -> Value {
    let (Ask::On(arguments) | Ask::Own(arguments)) = ask(tool, things);
    arguments
}

#[tokio::test]
async fn every_tool_as_every_principal() {
    // Some at once: each has servers and a database of its own.
    let columns: Vec<_> = stream::iter(COLUMNS)
        .map(|it| Box::pin(column(it)))
        .buffered(8)
        .collect()
        .await;
    let mut table = String::new();
    for (position, tool) in TOOLS.into_iter().enumerate() {
        writeln!(table, "{tool}").expect("text");
        let cells = COLUMNS
            .into_iter()
            .zip(columns.iter().map(|(cells, _)| &cells[position]));
        let (hidden, told): (Vec<_>, Vec<_>) = cells.partition(|(_, cell)| *cell == "-");
        for (column, cell) in told {
            writeln!(table, "    {:<19} {cell}", column.name()).expect("text");
        }
        let hidden: Vec<_> = hidden.into_iter().map(|(column, _)| column.name()).collect();
        if !hidden.is_empty() {
            writeln!(table, "    hidden from  {}", hidden.join(", ")).expect("text");
        }
    }
    insta::assert_snapshot!(table);
    let shown: BTreeSet<&str> = columns
        .iter()
        .flat_map(|(_, shown)| shown)
        .map(String::as_str)
        .collect();
    let called: BTreeSet<&str> = TOOLS.into_iter().collect();
    assert_eq!(
        shown, called,
        "a tool is missing from the table, or nobody sees it"
    );
}

/// Nobody attached the repository: why nothing happened is a question to those who look after the platform.
#[tokio::test]
async fn a_delivery_of_no_project_is_explained_to_the_platform_alone() {
    let world = World::new().await;
    let id = delivery_from(&world, 999).await;
    let missing = Uuid::now_v7();
    for role in PlatformRole::ALL {
        let token = world.platform_token(*role).await;
        let why = world
            .ok(&token, "delivery_explain", json!({"delivery_id": id}))
            .await;
        assert_eq!(why["delivery"]["reason"], "not_bound", "{why}");
        let listed = world.ok(&token, "delivery_list", json!({})).await;
        assert_eq!(listed["deliveries"][0]["delivery_id"], json!(id));
        let who = world.ok(&token, "principal_get", json!({})).await;
        assert_eq!(
            (&who["kind"], &who["platform_role"]),
            (&json!("service"), &json!(role.as_str()))
        );
    }
    let admin = world.service_token(Role::Admin).await;
    let there = world
        .call(&admin, "delivery_explain", json!({"delivery_id": id}))
        .await;
    let not_there = world
        .call(&admin, "delivery_explain", json!({"delivery_id": missing}))
        .await;
    let said = there.to_string().replace(&id.to_string(), &missing.to_string());
    assert_eq!(said, not_there.to_string());
    assert_eq!(
        world.ok(&admin, "delivery_list", json!({})).await["deliveries"],
        json!([])
    );
    world.db.done().await;
}
