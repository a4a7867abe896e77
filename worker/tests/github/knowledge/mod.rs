//! From a push to what can be searched: a real remote, a real Git, a real database.

mod memory;
mod shelf;

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use orchestrator::knowledge::jobs::IndexSource;
use orchestrator::queue::Perform;

use crate::hands::ATTEMPT;
use shelf::{Shelf, UNSPEAKABLE};

/// A passage about something of its own.
fn about(number: usize) -> String {
    format!("# Part {number}\n\nThe part number {number} turns the wheel {number} times.\n")
}

#[tokio::test]
async fn a_commit_costs_no_more_than_what_it_changed() {
    let shelf = Shelf::new().await;
    for number in 0..100 {
        shelf.write(&format!("docs/{number}.md"), about(number));
    }
    let first = shelf.push().await;
    shelf.index().await;
    let chunks = shelf.number("SELECT count(*)::text FROM knowledge_chunks").await;
    assert!(chunks >= 100, "{chunks}");
    shelf.embed().await;
    assert_eq!(shelf.embedder.asked(), chunks);
    assert_eq!(
        shelf
            .number("SELECT count(*)::text FROM knowledge_embeddings")
            .await,
        chunks
    );
    assert_eq!(shelf.commit().await, first);

    shelf.write("docs/7.md", about(700));
    std::fs::remove_file(shelf.checkout.path().join("docs/8.md")).expect("it is there");
    let second = shelf.push().await;
    shelf.index().await;
    shelf.embed().await;
    assert_eq!(
        shelf.embedder.asked(),
        chunks + 1,
        "one file changed, of a hundred"
    );
    assert_eq!(shelf.commit().await, second);
    let texts = "SELECT text FROM knowledge_chunks WHERE text LIKE '%Part 7%' OR text LIKE '%Part 8\n%' ORDER BY text";
    let texts = shelf.platform.db.texts(texts).await;
    assert!(texts.iter().any(|text| text.contains("Part 700")), "{texts:?}");
    assert!(
        !texts.iter().any(|text| text.contains("Part 8\n")),
        "it was removed: {texts:?}"
    );
    shelf.end().await;
}

#[tokio::test]
async fn a_passage_that_is_refused_is_told_and_asked_for_once() {
    let shelf = Shelf::new().await;
    for number in 0..20 {
        shelf.write(&format!("docs/{number}.md"), about(number));
    }
    shelf.write("docs/bad.md", format!("# Bad\n\nIt is {UNSPEAKABLE}.\n"));
    shelf.push().await;
    shelf.index().await;
    let chunks = shelf.number("SELECT count(*)::text FROM knowledge_chunks").await;
    shelf.embed().await;
    let vectors = "SELECT count(*)::text FROM knowledge_embeddings";
    assert_eq!(shelf.number(vectors).await, chunks - 1, "the others have theirs");
    let refusal = "SELECT refusal FROM knowledge_pending";
    let refusal = shelf.platform.db.texts(refusal).await.concat();
    assert!(refusal.contains("it says a word"), "{refusal}");
    let asked = shelf.embedder.asked();
    shelf.embed().await;
    assert_eq!(shelf.embedder.asked(), asked, "nothing is asked again");
    shelf.end().await;
}

#[tokio::test]
async fn bad_files_are_skipped_and_the_others_found() {
    let shelf = Shelf::new().await;
    shelf.write("good.md", about(1));
    shelf.write("binary.md", b"\x00\x01\x02words");
    shelf.write("huge.txt", b"a line of words\n".repeat(50 << 16));
    shelf.write("latin.md", b"caf\xe9 au lait\n");
    shelf.write("line.js", b"x".repeat(1_000_000));
    shelf.write("blank.md", " \n\n");
    shelf.write(
        "pointer.md",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    );
    let link = shelf.checkout.path().join("link.md");
    std::os::unix::fs::symlink("../../../../etc/passwd", link).expect("a link");
    let odd = std::ffi::OsStr::from_bytes(b"odd-\xff.md");
    std::fs::write(shelf.checkout.path().join(odd), "words").expect("written");
    let commit = shelf.push().await;
    shelf.index().await;
    let skipped = "SELECT path || ': ' || skipped FROM knowledge_documents WHERE skipped IS NOT NULL ORDER BY path COLLATE \"C\"";
    let expected = [
        "binary.md: binary",
        "blank.md: nothing in it",
        "huge.txt: larger than 1 MiB",
        "latin.md: not UTF-8",
        "line.js: a line of more than 16 KiB",
        "link.md: a symbolic link",
        "odd-\u{fffd}.md: its path is not UTF-8",
        "pointer.md: a pointer to a file in Git LFS",
    ];
    assert_eq!(shelf.platform.db.texts(skipped).await, expected);
    assert_eq!(shelf.commit().await, commit, "none of them fails the index");
    let kept = shelf
        .platform
        .db
        .texts("SELECT text FROM knowledge_documents WHERE path = 'good.md'")
        .await;
    assert_eq!(kept, [about(1)]);
    let leaked = "SELECT path FROM knowledge_documents WHERE text LIKE '%root:%'";
    assert_eq!(shelf.platform.db.texts(leaked).await, Vec::<String>::new());
    shelf.end().await;
}

#[tokio::test]
async fn a_pass_that_is_cut_off_anywhere_is_gone_on_with_by_anybody() {
    let shelf = Shelf::new().await;
    for number in 0..60 {
        shelf.write(&format!("docs/{number}.md"), about(number));
    }
    let commit = shelf.push().await;
    let mut cuts = 0;
    let job = || IndexSource {
        repository_id: shelf.platform.project.repository_id,
    };
    // Each worker is another, and lives a little longer than the one before.
    for life in 1.. {
        let hands = shelf.hands_of(&format!("worker-{}", life % 2));
        let lived = Duration::from_millis(life * 40);
        let ended =
            tokio::time::timeout(lived, Perform::<IndexSource>::perform(&hands, job(), ATTEMPT)).await;
        if ended.is_ok_and(|ended| ended.is_ok()) && shelf.commit().await == commit {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 2, "it was cut off {cuts} times");
    let passes = shelf.number("SELECT pass::text FROM knowledge_sources").await;
    assert_eq!(passes, 1, "it went on with the same pass");
    let documents = "SELECT count(*)::text FROM knowledge_documents WHERE path LIKE 'docs/%'";
    assert_eq!(shelf.number(documents).await, 60);
    let doubled = "SELECT count(*)::text FROM knowledge_chunks GROUP BY document_id, content_sha256 HAVING count(*) > 1";
    assert_eq!(shelf.platform.db.texts(doubled).await, Vec::<String>::new());
    shelf.end().await;
}

#[tokio::test]
async fn without_an_embedder_there_are_words_and_no_vectors() {
    let shelf = Shelf::new().await;
    shelf.write("docs/a.md", about(1));
    shelf.push().await;
    shelf.index().await;
    let mut hands = shelf.platform.hands.clone();
    hands.embedder = None;
    shelf.embed_with(&hands).await;
    assert!(shelf.number("SELECT count(*)::text FROM knowledge_chunks").await > 0);
    assert_eq!(
        shelf
            .number("SELECT count(*)::text FROM knowledge_embeddings")
            .await,
        0
    );
    assert_eq!(shelf.embedder.asked(), 0);
    shelf.end().await;
}

#[tokio::test]
async fn no_secret_is_kept_and_no_token_left_behind() {
    let shelf = Shelf::new().await;
    let (canary, key) = (
        "ghp_0123456789abcdefghijABCDEFGHIJcanary",
        "-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----",
    );
    shelf.write(
        "docs/a.md",
        format!("# Keys\n\nUse {canary} or\n\n{key}\n\nfor now.\n"),
    );
    shelf.write("src/a.rs", format!("const TOKEN: &str = \"{canary}\";\n"));
    shelf.push().await;
    shelf.index().await;
    let kept = "SELECT text FROM knowledge_documents UNION ALL SELECT text FROM knowledge_chunks";
    let kept = shelf.platform.db.texts(kept).await.join("\n");
    assert!(
        kept.contains("[secret removed]") && !kept.contains("canary"),
        "{kept}"
    );
    let token = shelf.reader().await;
    for (path, bytes) in files_beneath(&shelf.platform.world.knowledge_dir()) {
        let has = bytes
            .windows(token.len())
            .any(|window| window == token.as_bytes());
        assert!(!has, "{}", path.display());
    }
    shelf.end().await;
}

#[tokio::test]
async fn a_broken_mirror_is_made_anew_and_one_that_is_not_needed_goes() {
    let shelf = Shelf::new().await;
    shelf.write("docs/a.md", about(1));
    shelf.push().await;
    shelf.index().await;
    let packs: Vec<_> = files_beneath(&shelf.platform.world.knowledge_dir())
        .into_iter()
        .filter(|(path, _)| path.iter().any(|part| part == "objects"))
        .collect();
    assert!(!packs.is_empty());
    for (path, _) in packs {
        std::fs::remove_file(path).expect("it is there");
    }
    shelf.write("docs/b.md", about(2));
    let commit = shelf.push().await;
    shelf.index().await;
    assert_eq!(shelf.commit().await, commit);
    let hands = &shelf.platform.hands;
    hands
        .mirrors
        .remove(shelf.platform.project.repository_id)
        .expect("removed");
    assert!(files_beneath(&shelf.platform.world.knowledge_dir()).is_empty());
    shelf.end().await;
}

fn files_beneath(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_beneath(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            found.push((path, bytes));
        }
    }
    found
}
