//! What the largest repositories cost: 20,000 files are listed, read and cut in a process that says how large it became.

use std::process::Command;
use std::time::Duration;

use orchestrator::ports::code_host::CodeHost;
use safe_git::Credential;
use worker::mirror::{MirrorConfig, Mirrors, Origin};

use super::shelf::Shelf;

const FILES: usize = 20_000;
const MOST_MIB: u64 = 300;
/// Where the child finds the repository; its presence is what makes a process the child.
const ADDRESS: &str = "CODEXK8S_TEST_REPOSITORY";

#[tokio::test]
async fn twenty_thousand_files_take_little_memory() {
    let told = std::env::vars_os().find(|(name, _)| name == ADDRESS);
    if let Some((_, told)) = told {
        return read_all(told.to_str().expect("text")).await;
    }
    let shelf = Shelf::new().await;
    for number in 0..FILES {
        let text = format!("# File {number}\n\n{}", "Some words that say little. ".repeat(40));
        shelf.write(&format!("docs/{}/{number}.md", number % 100), text);
    }
    shelf.push().await;
    let world = &shelf.platform.world;
    let address = world.host.repository(&world.at()).await.expect("there").clone_url;
    let token = shelf.reader().await;
    let folder = world.knowledge_dir();
    let child = tokio::task::spawn_blocking(move || {
        let name = "knowledge::memory::twenty_thousand_files_take_little_memory";
        Command::new(std::env::current_exe().expect("a test"))
            .args(["--exact", name, "--nocapture"])
            .env(ADDRESS, format!("{address} {token} {}", folder.display()))
            .output()
            .expect("a child")
    });
    let said = child.await.expect("it ended");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let number = |name: &str| -> u64 {
        let found = said
            .lines()
            .find_map(|line| line.split_once(name)?.1.trim().parse().ok());
        found.unwrap_or_else(|| panic!("{name}: {said}"))
    };
    println!("{said}");
    assert!(number("files read:") >= FILES as u64, "{said}");
    let mib = number("MiB at most:");
    assert!((10..MOST_MIB).contains(&mib), "{said}");
    shelf.end().await;
}

/// The child: as the job does it, but for the database.
async fn read_all(told: &str) {
    let mut told = told.split(' ').map(str::to_owned);
    let mut next = || told.next().expect("three words");
    let (address, token, folder) = (next(), next(), next());
    let config = MirrorConfig {
        knowledge_dir: folder.into(),
        knowledge_mib: 512,
        askpass: Some(env!("CARGO_BIN_EXE_worker").into()),
    };
    let mirrors = Mirrors::open(&config, "child").expect("a folder");
    let origin = Origin {
        repository_id: orchestrator::id::RepositoryId::new(),
        branch: "main".to_owned(),
        credential: Credential {
            username: "x-access-token".to_owned(),
            password: token.into(),
            address: address.parse().expect("an address"),
        },
    };
    let fetched = mirrors.fetch(origin, Duration::from_mins(2)).await;
    let mirror = fetched.expect("fetched").expect("in time");
    let mut files = mirror.files().expect("a list");
    let mut blobs = mirror.blobs().expect("a reader");
    let mut read = 0;
    while let Some(file) = files.next().await.expect("a whole list") {
        let bytes = blobs.read(&file.blob_sha, file.bytes).await.expect("a file");
        let path = String::from_utf8_lossy(&file.path).into_owned();
        let cut = tokio::task::spawn_blocking(move || chunker::cut(&path, &bytes).is_ok());
        read += usize::from(cut.await.expect("no panic"));
    }
    println!("files read: {read}\nMiB at most: {}", most_mib());
}

/// The same with the database, by the worker's own job; nextest gives a test a process of its own. The simulated GitHub lives in
/// it, too, so this is more than a worker has.
#[tokio::test]
#[ignore = "takes minutes: cargo nextest run --run-ignored=only -E 'test(whole_index)'"]
async fn the_whole_index_of_twenty_thousand_files_takes_little_memory() {
    let shelf = Shelf::new().await;
    for number in 0..FILES {
        let text = format!("# File {number}\n\n{}", "Some words that say little. ".repeat(40));
        shelf.write(&format!("docs/{}/{number}.md", number % 100), text);
    }
    shelf.push().await;
    shelf.index().await;
    let documents = shelf
        .number("SELECT count(*)::text FROM knowledge_documents")
        .await;
    assert!(documents >= FILES, "{documents}");
    let mib = most_mib();
    println!("MiB at most: {mib}");
    assert!((10..MOST_MIB).contains(&mib), "{mib} MiB");
    shelf.end().await;
}

/// The most memory that this process had.
fn most_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: Option<u64> = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
    kib.expect("a peak") / 1024
}
