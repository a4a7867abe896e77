//! Repositories as people bind them, and as GitHub takes them away.

use orchestrator::actor::Role;
use orchestrator::delivery::Verdict;
use orchestrator::effect::{EffectKind, Write};
use orchestrator::id::ProjectId;
use orchestrator::repository::{self, Changes, Place, Repository, Suspension, label};
use orchestrator::trace::TraceParent;
use orchestrator::trigger::IgnoreReason;
use orchestrator::{Actor, Error, Result, identity, project};
use serde_json::{Value, json};

use crate::inbox::{Inbox, T0, T1, T2, labeled, open_issue};

fn place(github_repository_id: i64) -> Place {
    Place {
        github_repository_id,
        installation_id: 8,
        owner: "octo".into(),
        name: "new".into(),
        default_branch: "trunk".into(),
        clone_url: "http://127.0.0.1:1/octo/new.git".into(),
    }
}

async fn member(inbox: &Inbox, github_user_id: i64, role: Role) -> Actor {
    let mut tx = inbox.orchestrator.begin("test").await.unwrap();
    let login = format!("person-{github_user_id}");
    let person = identity::ensure_person(&mut tx, github_user_id, &login, None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (system, project_id) = (Actor::System("test"), inbox.project.project_id);
    project::set_member(
        &inbox.orchestrator,
        &system,
        project_id,
        person.person_id,
        Some(role),
    )
    .await
    .unwrap();
    person.actor()
}

async fn attach(inbox: &Inbox, actor: &Actor, project_id: ProjectId, place: Place) -> Result<Repository> {
    let trace = TraceParent::begin();
    let bound = repository::attach_found(&inbox.orchestrator, actor, project_id, place, None, &trace).await?;
    bound.ok_or_else(|| Error::not_found("repository", "of another project"))
}

#[tokio::test]
async fn a_repository_has_one_project_and_whose_it_is_is_not_told() {
    let inbox = Inbox::new().await;
    let (maintainer, viewer) = (
        member(&inbox, 71, Role::Maintainer).await,
        member(&inbox, 72, Role::Viewer).await,
    );
    let project_id = inbox.project.project_id;
    let asked = repository::require_attacher(&inbox.orchestrator, &maintainer, project_id).await;
    assert_eq!(asked.unwrap().github_user_id, 71);
    for (actor, expected) in [(&viewer, "forbidden"), (&Actor::System("test"), "precondition")] {
        let refused = repository::require_attacher(&inbox.orchestrator, actor, project_id).await;
        let told = match refused {
            Err(Error::Forbidden(_)) => "forbidden",
            Err(Error::Precondition(_)) => "precondition",
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected);
    }
    let refused = attach(&inbox, &viewer, project_id, place(6001)).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");

    let bound = attach(&inbox, &maintainer, project_id, place(6001))
        .await
        .unwrap();
    let again = attach(&inbox, &maintainer, project_id, place(6001))
        .await
        .unwrap();
    assert_eq!(bound.repository_id, again.repository_id);
    let beta = orchestrator::testing::seed(&inbox.orchestrator, "beta", 2, 1)
        .await
        .unwrap();
    let system = Actor::System("test");
    let stolen = attach(&inbox, &system, beta.project_id, place(6001)).await;
    assert_eq!(
        stolen.unwrap_err().to_string(),
        Error::not_found("repository", "of another project").to_string()
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn labels_are_asked_for_once_and_looked_at_again() {
    let inbox = Inbox::new().await;
    let maintainer = member(&inbox, 71, Role::Maintainer).await;
    let bound = attach(&inbox, &maintainer, inbox.project.project_id, place(6001))
        .await
        .unwrap();
    let asked = |all: &[orchestrator::effect::Effect]| {
        let mut labels = Vec::new();
        for effect in all
            .iter()
            .filter(|it| it.write.kind() == EffectKind::LabelDefinitions)
        {
            let Write::LabelDefinitions { labels: some } = &effect.write else {
                continue;
            };
            labels.extend(some.clone());
        }
        labels
    };
    let effects = inbox.effects().await;
    let mut labels = asked(&effects);
    assert!(labels.len() > label::AT_ONCE, "in pieces: {labels:?}");
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    let mut wanted = label::wanted();
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(labels, wanted);

    let trace = TraceParent::begin();
    let changes = Changes {
        create_labels: true,
        ..Changes::default()
    };
    let id = bound.repository_id;
    repository::update(&inbox.orchestrator, &maintainer, id, changes, None, &trace)
        .await
        .unwrap();
    assert_eq!(
        inbox.effects().await.len(),
        effects.len(),
        "what waits is not asked twice"
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn an_image_is_named_by_its_digest() {
    let inbox = Inbox::new().await;
    let maintainer = member(&inbox, 71, Role::Maintainer).await;
    let (id, trace) = (inbox.project.repository_id, TraceParent::begin());
    let set = async |image: Option<&str>| {
        let changes = Changes {
            agent_image: Some(image.map(str::to_owned)),
            create_labels: false,
        };
        repository::update(&inbox.orchestrator, &maintainer, id, changes, None, &trace).await
    };
    let digest = format!("registry.test/tools@sha256:{}", "0a".repeat(32));
    assert_eq!(
        set(Some(&digest)).await.unwrap().agent_image,
        Some(digest.clone())
    );
    for bad in [
        "tools:latest",
        "tools@sha256:0a",
        &digest.replace("0a", "0g"),
        &digest.replace("tools", "a b"),
    ] {
        let refused = set(Some(bad)).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{bad}: {refused:?}");
    }
    assert_eq!(set(None).await.unwrap().agent_image, None);
    inbox.db.done().await;
}

fn told(action: &str, updated_at: &str) -> Value {
    json!({
        "action": action, "installation": { "id": 7, "updated_at": updated_at },
        "repositories_removed": [{ "id": 5001 }], "repositories_added": [{ "id": 5001 }],
        "sender": { "id": 1, "login": "owner", "type": "User" }
    })
}

#[tokio::test]
async fn what_github_takes_away_starts_nothing_until_it_gives_it_back() {
    let inbox = Inbox::new().await;
    let suspension = async || {
        let mut tx = inbox.orchestrator.begin("test").await.unwrap();
        let found = repository::get(&mut tx, inbox.project.repository_id)
            .await
            .unwrap();
        (found.suspension, found.installation_id)
    };
    let (_, before) = suspension().await;
    let removed = inbox
        .settled("g1", "installation_repositories", &told("removed", T1))
        .await;
    assert_eq!(removed, Verdict::Recorded);
    assert_eq!(suspension().await, (Some(Suspension::AppRemoved), before));

    let ignored = inbox.settled("g2", "issues", &labeled("run:dev", T1)).await;
    assert_eq!(ignored, Verdict::Ignored(IgnoreReason::Suspended));
    let started = inbox.project.start(&inbox.orchestrator, Some(1)).await;
    assert!(started.is_err_and(|error| error.to_string().contains("install the App")));

    inbox
        .settled("g3", "installation_repositories", &told("added", T0))
        .await;
    assert_eq!(
        suspension().await.0,
        Some(Suspension::AppRemoved),
        "an older word"
    );
    let unarchived = json!({ "action": "unarchived", "repository": { "id": 5001, "updated_at": T2 } });
    inbox.settled("g4", "repository", &unarchived).await;
    assert_eq!(
        suspension().await.0,
        Some(Suspension::AppRemoved),
        "another reason"
    );
    inbox
        .settled("g5", "installation_repositories", &told("added", T2))
        .await;
    assert_eq!(suspension().await, (None, 7));
    let verdict = inbox
        .verdict("g6", "issues", &labeled("run:dev", T2), &open_issue(&["run:dev"]))
        .await;
    assert!(matches!(verdict, Verdict::RunCreated(_)), "{verdict:?}");
    let told_of = "SELECT count(*) FROM audit_entries WHERE operation IN ('repository_suspend_app_removed', 'repository_resume')";
    assert_eq!(inbox.count(told_of).await, 2);
    inbox.db.done().await;
}
