//! What is left when the program that started a server is killed.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{World, environment, process_exists, sql};

/// The program that will be killed: starts a server in the current folder, prints its process id, and waits.
#[test]
#[ignore = "started by the other tests"]
fn program() {
    let mut world = World::new();
    let folder = env::current_dir().expect("a folder");
    world.options.data_dir = folder.join("data");
    let path = folder.join("bin");
    if path.exists() {
        world.options.environment = environment(&[("PATH", path.into_os_string())]);
    }
    let postgres = world.start();
    sql(&postgres, "CREATE TABLE notes AS SELECT 'here' AS note");
    println!("\nserver {}", postgres.pid());
    thread::sleep(Duration::from_mins(2));
}

/// Starts the program in `folder`, kills it when its server is ready, and returns the server's process id.
fn killed_program(folder: &Path) -> u32 {
    let mut child = Command::new(env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "--nocapture", "orphans::program"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let pid = server_of(&mut child);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    pid
}

fn server_of(child: &mut Child) -> u32 {
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut lines = output.lines().map_while(Result::ok);
    let pid = lines.find_map(|line| line.strip_prefix("server ").map(str::to_owned));
    pid.expect("the server is ready").parse().expect("a number")
}

#[test]
fn a_killed_program_leaves_no_server_behind() {
    let mut world = World::new();
    let pid = killed_program(world.folder.path());
    let end = Instant::now() + Duration::from_secs(20);
    while process_exists(pid) {
        assert!(Instant::now() < end, "the server outlived its program");
        thread::sleep(Duration::from_millis(20));
    }
    world.options.data_dir = world.folder.path().join("data");
    assert_eq!(sql(&world.start(), "SELECT note FROM notes"), "here");
}

#[test]
fn a_restart_at_once_waits_for_the_server_of_the_killed_program() {
    let mut world = World::new();
    killed_program(world.folder.path());
    world.options.data_dir = world.folder.path().join("data");
    assert_eq!(sql(&world.start(), "SELECT note FROM notes"), "here");
}

#[test]
fn a_server_that_outlived_its_program_is_stopped_by_the_next_start() {
    let mut world = World::new();
    // Without `setpriv` the kernel is not asked to end the server.
    world.limit_path(&["unshare"]);
    let pid = killed_program(world.folder.path());
    assert!(process_exists(pid), "this test wants an orphan");
    world.options.data_dir = world.folder.path().join("data");
    let postgres = world.start();
    assert_ne!(postgres.pid(), pid);
    assert!(!process_exists(pid) || fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it.is_empty()));
    assert_eq!(sql(&postgres, "SELECT note FROM notes"), "here");
}
