//! Whatever projects, repositories, settings and readers there are: nobody gets text that he may not read, and what others have
//! changes nothing of what he gets.

use orchestrator::actor::{Actor, Role};
use orchestrator::id::{PersonId, ProjectId, RepositoryId};
use orchestrator::knowledge::{
    self, DocumentKind, Language, NewDocument, NewPassage, SourceChanges, VisibleTo,
};
use orchestrator::ports::EmbeddingModel;
use orchestrator::repository::{self, NewRepository};
use orchestrator::testing::{Seeded, seed};
use orchestrator::{identity, project};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::World;

/// Scenes, one after the other in one database: what an earlier one left is foreign to the next.
const SCENES: u32 = 4;
const DOCUMENTS: usize = 3;
const QUERIES: [&str; 2] = ["canary_sings", "which canary sings of the cage"];
const MODES: [&str; 3] = ["hybrid", "text", "vector"];

/// A repository: whether it is private, and for whom it was set.
type Repository = (bool, Option<VisibleTo>);

/// Projects with their repositories, and people: whether each is a member of each project, and may read each repository at
/// GitHub.
#[derive(Clone, Debug)]
struct Scene {
    projects: Vec<Vec<Repository>>,
    people: Vec<(Vec<bool>, Vec<bool>)>,
}

fn scenes() -> impl Strategy<Value = Scene> {
    let visible = prop_oneof![
        Just(None),
        Just(Some(VisibleTo::Project)),
        Just(Some(VisibleTo::GithubReaders))
    ];
    let repositories = prop::collection::vec((any::<bool>(), visible), 1..3);
    let projects = prop::collection::vec(repositories, 2..4);
    let person = (
        prop::collection::vec(any::<bool>(), 3),
        prop::collection::vec(any::<bool>(), 6),
    );
    (projects, prop::collection::vec(person, 1..3)).prop_map(|(projects, people)| Scene { projects, people })
}

/// A repository as it is kept. Every word of its own holds its name, which nobody else says.
struct Kept {
    id: RepositoryId,
    name: String,
    project: usize,
    repository: Repository,
    pass: u32,
}

/// Somebody who asks, and which repositories he may read.
struct Caller {
    what: String,
    token: String,
    reads: Vec<bool>,
}

#[tokio::test]
async fn nobody_gets_what_he_may_not_read() {
    let world = World::new().await;
    let mut runner = TestRunner::deterministic();
    for number in 0..SCENES {
        let scene = scenes().new_tree(&mut runner).expect("a scene").current();
        println!("{scene:?}");
        play(&world, number, &scene).await;
    }
    world.db.done().await;
}

async fn play(world: &World, number: u32, scene: &Scene) {
    let model = EmbeddingModel {
        name: "birds".into(),
        dims: 8,
        checksum: "c".into(),
        is_external: false,
    };
    knowledge::agree_on(&world.orchestrator, Some(&model))
        .await
        .expect("a model");
    let (projects, mut kept) = build(world, number, scene).await;
    for one in &mut kept {
        write(world, one, DOCUMENTS).await;
    }
    embed(world).await;
    for caller in callers(world, number, scene, &projects, &kept).await {
        let before = answers(world, &caller).await;
        gets_nothing_foreign(world, &caller, &kept, &before).await;
        for (one, reads) in kept.iter_mut().zip(&caller.reads) {
            if !reads {
                write(world, one, DOCUMENTS * 3).await;
            }
        }
        embed(world).await;
        let after = answers(world, &caller).await;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(
                before["hits"], after["hits"],
                "{}: foreign text is heard",
                caller.what
            );
        }
    }
}

async fn build(world: &World, number: u32, scene: &Scene) -> (Vec<Seeded>, Vec<Kept>) {
    let (mut projects, mut kept) = (Vec::new(), Vec::new());
    for (at, repositories) in scene.projects.iter().enumerate() {
        let place = i64::from(number) * 100 + i64::try_from(at).expect("few") * 10 + 1_000;
        let seeded = seed(&world.orchestrator, &format!("s{number}p{at}"), place, 2)
            .await
            .expect("a project");
        for (of, &repository) in repositories.iter().enumerate() {
            let id = match of {
                0 => seeded.repository_id,
                _ => attach(world, seeded.project_id, place + i64::try_from(of).expect("few")).await,
            };
            kept.push(Kept {
                id,
                name: format!("zzs{number}p{at}r{of}zz"),
                project: at,
                repository,
                pass: 0,
            });
        }
        projects.push(seeded);
    }
    for one in &kept {
        set(world, one).await;
    }
    (projects, kept)
}

async fn attach(world: &World, project_id: ProjectId, number: i64) -> RepositoryId {
    let new = NewRepository {
        project_id,
        github_repository_id: 500_000 + number,
        installation_id: 1,
        owner: "other".into(),
        name: format!("r{number}"),
        default_branch: "main".into(),
        clone_url: format!("https://github.com/other/r{number}.git"),
        agent_image: None,
    };
    let attached = repository::attach(&world.orchestrator, &Actor::System("test"), new).await;
    attached.expect("attached").repository_id
}

async fn set(world: &World, one: &Kept) {
    let Some(visible_to) = one.repository.1 else {
        return;
    };
    let changes = SourceChanges {
        visible_to: Some(Some(visible_to)),
        ..SourceChanges::default()
    };
    let system = Actor::System("test");
    knowledge::change(&world.orchestrator, &system, one.id, 1, changes, None)
        .await
        .expect("set");
}

/// A pass over a tree of so many documents: all say the words of the questions, and a word of their repository.
async fn write(world: &World, one: &mut Kept, documents: usize) {
    one.pass += 1;
    let commit = format!("{:040x}", one.pass);
    let pass = knowledge::begin(&world.orchestrator, one.id, &commit, one.repository.0).await;
    let pass = pass.expect("a pass").expect("something to read");
    for number in 0..documents {
        let name = &one.name;
        let text =
            format!("fn canary_sings\nThe {name} canary sings {number} times of the cage, says {name}.");
        let document = NewDocument {
            path: format!("{name}/{number}.md"),
            blob_sha: format!("{name} {number}"),
            bytes: 10,
            kind: DocumentKind::Docs,
            language: Language::English,
            passages: vec![NewPassage {
                heading: format!("Birds of {name}"),
                names: vec!["canary_sings".into(), name.clone()],
                lines: (1, 2),
                text: text.clone(),
            }],
            text,
        };
        knowledge::put(&world.orchestrator, &pass, &document)
            .await
            .expect("a document");
    }
    knowledge::finish(&world.orchestrator, &pass)
        .await
        .expect("an index");
}

/// A direction by the bytes of a text: near for texts that are alike.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.5_f32; 8];
    for byte in text.bytes() {
        vector[usize::from(byte % 8)] += 1.0;
    }
    vector
}

async fn embed(world: &World) {
    for model in knowledge::models_at_work(&world.orchestrator)
        .await
        .expect("models")
    {
        loop {
            let waiting = knowledge::unembedded(&world.orchestrator, model.model_id, 500).await;
            let waiting = waiting.expect("passages");
            if waiting.is_empty() {
                break;
            }
            let made = waiting
                .iter()
                .map(|one| (one.chunk_id, vector(&one.embedded_text())));
            knowledge::keep_vectors(&world.orchestrator, model.model_id, &made.collect::<Vec<_>>())
                .await
                .expect("kept");
        }
        for query in QUERIES {
            knowledge::question_vector(&world.orchestrator, model.model_id, query, &vector(query))
                .await
                .expect("kept");
        }
    }
}

/// A program of each project, an agent of the first repository of the first one, and the people.
async fn callers(
    world: &World,
    number: u32,
    scene: &Scene,
    projects: &[Seeded],
    kept: &[Kept],
) -> Vec<Caller> {
    let mut callers = Vec::new();
    for (at, seeded) in projects.iter().enumerate() {
        let reads = kept.iter().map(|one| one.project == at && is_open(one));
        callers.push(Caller {
            what: format!("a program of {at}"),
            token: world.service_token_in(seeded.project_id, Role::Viewer).await,
            reads: reads.collect(),
        });
    }
    let turn = world.turn(&projects[0], 1).await;
    callers.push(Caller {
        what: "an agent of 0".into(),
        token: turn.agent,
        reads: kept
            .iter()
            .map(|one| one.id == projects[0].repository_id)
            .collect(),
    });
    for (at, (member_of, may_read)) in scene.people.iter().enumerate() {
        let github_user_id = 80_000 + i64::from(number) * 10 + i64::try_from(at).expect("few");
        let person_id = person(world, github_user_id, projects, member_of).await;
        let mut reads = Vec::new();
        for (one, &may_read) in kept.iter().zip(may_read) {
            note_reader(world, person_id, one.id, may_read).await;
            reads.push(member_of[one.project] && (is_open(one) || may_read));
        }
        callers.push(Caller {
            what: format!("person {at}"),
            token: world.session_of(person_id).await.0,
            reads,
        });
    }
    callers
}

/// Whether the whole project may read it.
fn is_open(one: &Kept) -> bool {
    let (is_private, set) = one.repository;
    set.unwrap_or(if is_private {
        VisibleTo::GithubReaders
    } else {
        VisibleTo::Project
    }) == VisibleTo::Project
}

async fn person(world: &World, number: i64, projects: &[Seeded], member_of: &[bool]) -> PersonId {
    let mut tx = world
        .orchestrator
        .begin("test.person")
        .await
        .expect("a transaction");
    let person = identity::ensure_person(&mut tx, number, &format!("person-{number}"), None).await;
    let person_id = person.expect("a person").person_id;
    tx.commit().await.expect("kept");
    for (seeded, is_member) in projects.iter().zip(member_of) {
        if *is_member {
            let system = Actor::System("test");
            project::set_member(
                &world.orchestrator,
                &system,
                seeded.project_id,
                person_id,
                Some(Role::Viewer),
            )
            .await
            .expect("a member");
        }
    }
    person_id
}

/// What the code host said a moment ago.
async fn note_reader(world: &World, person_id: PersonId, id: RepositoryId, may_read: bool) {
    let said = json!({"person": person_id.uuid(), "repository": id.uuid(), "may_read": may_read}).to_string();
    let noted = world.db.texts_with(
        "INSERT INTO knowledge_readers (person_id, repository_id, may_read, checked_at)
         SELECT (said->>'person')::uuid, (said->>'repository')::uuid, (said->>'may_read')::bool, now()
         FROM (SELECT $1::text::jsonb AS said) AS it RETURNING 'noted'",
        &said,
    );
    assert_eq!(noted.await.len(), 1);
}

/// What he finds, by every question in every mode.
async fn answers(world: &World, caller: &Caller) -> Vec<Value> {
    let mut answers = Vec::new();
    for query in QUERIES {
        for mode in MODES {
            let answer = call(
                world,
                caller,
                "knowledge_search",
                json!({"query": query, "mode": mode}),
            )
            .await;
            let found = answer["structuredContent"].clone();
            let anything = caller.reads.contains(&true);
            assert!(!anything || found["mode"] == mode, "{}: {answer:#}", caller.what);
            let hits = found["hits"].as_array().map_or(0, Vec::len);
            assert_eq!(hits > 0, anything, "{}: {answer:#}", caller.what);
            answers.push(found);
        }
    }
    answers
}

async fn call(world: &World, caller: &Caller, tool: &str, arguments: Value) -> Value {
    let ask = json!({"name": tool, "arguments": arguments});
    world.legacy(&caller.token, "tools/call", ask).await["result"].clone()
}

async fn gets_nothing_foreign(world: &World, caller: &Caller, kept: &[Kept], answers: &[Value]) {
    let list = call(world, caller, "knowledge_source_list", json!({}))
        .await
        .to_string();
    for (one, reads) in kept.iter().zip(&caller.reads) {
        let told = format!("{}, repository {}", caller.what, one.name);
        let id = one.id.uuid();
        let path = format!("{}/0.md", one.name);
        let query = "SELECT document_id::text FROM knowledge_documents WHERE path = $1";
        let document = world.db.texts_with(query, &path).await.concat();
        let by_id = call(world, caller, "knowledge_get", json!({"document_id": document})).await;
        let by_path = call(
            world,
            caller,
            "knowledge_get",
            json!({"repository_id": id, "path": path}),
        )
        .await;
        let uri = format!("document://{document}");
        let resource = world
            .legacy(&caller.token, "resources/read", json!({"uri": uri}))
            .await;
        let named = call(
            world,
            caller,
            "knowledge_search",
            json!({"query": "canary", "repository_id": id}),
        )
        .await;
        if *reads {
            for answer in [&by_id, &by_path, &resource, &named] {
                assert!(answer.to_string().contains(&one.name), "{told}: {answer:#}");
            }
            continue;
        }
        // What he himself named may be said to him.
        let said = |answer: &Value| answer.to_string().replace(&path, "PATH");
        for answer in answers.iter().chain([&by_id, &by_path, &resource, &named]) {
            assert!(!said(answer).contains(&one.name), "{told}: {answer:#}");
        }
        assert!(!list.contains(&one.name), "{told}: {list}");
        let nowhere = uuid::Uuid::now_v7().to_string();
        let missing = call(world, caller, "knowledge_get", json!({"document_id": nowhere})).await;
        let words = |answer: &Value, id: &str| answer["content"].to_string().replace(id, "ID");
        assert_eq!(
            words(&by_id, &document),
            words(&missing, &nowhere),
            "{told}: like one that is not there"
        );
    }
}
