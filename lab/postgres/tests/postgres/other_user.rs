//! The way for root where user namespaces are forbidden.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use crate::support::{World, is_root, sql};

/// A world whose folders every user may enter, and whose `PATH` has no `unshare`.
fn open_world() -> World {
    let mut world = World::new();
    let running = world.start();
    let bin_dir = running.bin_dir().to_owned();
    drop(running);
    fs::remove_dir_all(&world.options.data_dir).expect("a folder");
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let copy = world.folder.path().join("copy");
    let home = bin_dir.ancestors().nth(3).expect("the unpacked wheel");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(home)
        .arg(&copy)
        .status()
        .expect("cp runs");
    assert!(copied.success());
    world.options.bin_dir = Some(copy.join(bin_dir.strip_prefix(home).expect("it is below")));
    world
}

#[test]
fn the_cluster_is_given_to_another_user_and_back() {
    if !is_root() {
        println!("skipped: only root has to become someone else");
        return;
    }
    let mut world = open_world();
    let with_namespaces = world.options.environment.clone();
    world.limit_path(&["setpriv"]);
    let without = world.options.environment.clone();
    let postgres = world.start();
    let owner = |path: &str| fs::metadata(format!("/proc/{path}")).expect("a process").uid();
    assert_ne!(owner(&postgres.pid().to_string()), 0, "it must not run as root");
    sql(&postgres, "CREATE TABLE notes AS SELECT 'here' AS note");
    postgres.stop().expect("it stops");
    assert_eq!(sql(&world.start(), "SELECT note FROM notes"), "here", "a restart");

    world.options.environment = with_namespaces;
    assert_eq!(
        sql(&world.start(), "SELECT note FROM notes"),
        "here",
        "in a namespace"
    );
    assert_eq!(
        fs::metadata(world.cluster().join("base"))
            .expect("a folder")
            .uid(),
        0
    );

    world.options.environment = without;
    assert_eq!(sql(&world.start(), "SELECT note FROM notes"), "here", "and back");
}

#[test]
fn a_folder_that_the_other_user_may_not_enter_is_named() {
    if !is_root() {
        println!("skipped: only root has to become someone else");
        return;
    }
    let mut world = open_world();
    world.limit_path(&["setpriv"]);
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
    let refusal = world.refusal();
    assert!(refusal.contains("FolderClosed"), "{refusal}");
    assert!(
        refusal.contains(&world.folder.path().display().to_string()),
        "{refusal}"
    );
}
