//! Judging real commits of a real repository.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::changes::MOST_PATHS;
use super::scope::Violation;
use super::{GitError, Repository, Scope};

const OUTPUT_BYTES: usize = 16 * 1024 * 1024;
/// `:<mode> <mode> <sha> <sha> <status>` and two NULs.
const ENTRY_BYTES: usize = 100;

fn git(dir: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@x"])
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("fed");
    drop(stdin);
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

struct World {
    folder: tempfile::TempDir,
    repository: Repository,
    base: String,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let repository = Repository::open(folder.path(), vec![("PATH".into(), path)])
            .await
            .expect("opened");
        let empty = git(&repository.dir, &["mktree"], "");
        let base = git(&repository.dir, &["commit-tree", &empty, "-m", "base"], "");
        Self {
            folder,
            repository,
            base,
        }
    }

    fn git(&self, arguments: &[&str], input: &str) -> String {
        git(&self.folder.path().join("repository.git"), arguments, input)
    }

    fn blob(&self) -> String {
        self.git(&["hash-object", "-w", "--stdin"], "")
    }

    fn tree(&self, entries: &str) -> String {
        self.git(&["mktree", "--missing"], entries)
    }

    fn commit(&self, tree: &str) -> String {
        self.git(&["commit-tree", tree, "-p", &self.base, "-m", "work"], "")
    }
}

#[tokio::test]
async fn a_path_behind_a_flood_of_long_ones_is_not_overlooked() {
    let world = World::new().await;
    let blob = world.blob();
    // As many files as are allowed, under paths so long that their entries fill what is read of an answer to the byte.
    let (files, depth, folder) = (2949, 27, format!("!{}", "d".repeat(199)));
    let above = depth * (folder.len() + 1);
    let names = OUTPUT_BYTES - files * (ENTRY_BYTES + above);
    let entry = |number| {
        let length = names / files + usize::from(number < names % files);
        format!("100644 blob {blob}\t{number:0length$}\n")
    };
    let mut tree = world.tree(&(0..files).map(entry).collect::<Vec<_>>().concat());
    for _ in 1..depth {
        tree = world.tree(&format!("040000 tree {tree}\t{folder}\n"));
    }
    let workflows = world.tree(&format!("100644 blob {blob}\tevil.yml\n"));
    let github = world.tree(&format!("040000 tree {workflows}\tworkflows\n"));
    let root = format!("040000 tree {tree}\t{folder}\n040000 tree {github}\t.github\n");
    let head = world.commit(&world.tree(&root));
    let seen = world.repository.changes(&world.base, &head).await;
    assert!(
        matches!(seen, Err(GitError::TooMuch)),
        "{:?}",
        seen.map(|all| all.len())
    );
}

#[tokio::test]
async fn a_flood_of_links_is_refused_before_any_is_read() {
    let world = World::new().await;
    // What the links point to is not there: to read one would fail.
    let nowhere = "1".repeat(40);
    let link = |number| format!("120000 blob {nowhere}\t{number}\n");
    let links: Vec<String> = (0..MOST_PATHS + 10).map(link).collect();
    let head = world.commit(&world.tree(&links.concat()));
    let changes = world.repository.changes(&world.base, &head).await.expect("read");
    let scope = Scope::new(&[], &[]).expect("globs");
    assert_eq!(scope.judge(&changes), Err(Violation::TooMany));
}

#[tokio::test]
async fn the_commits_a_push_would_bring_are_listed() {
    let world = World::new().await;
    let tree = world.tree("");
    let first = world.commit(&tree);
    let second = world.git(&["commit-tree", &tree, "-p", &first, "-m", "more"], "");
    let commits = world.repository.commits(&world.base, &second).await;
    assert_eq!(commits.expect("listed"), [first, second]);
}
