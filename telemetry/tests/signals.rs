//! Signals end a real process: the test runs itself as a child.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use telemetry::Shutdown;

/// Not a test of its own: the program that the other tests start and signal.
#[tokio::test]
#[ignore = "run as a child by the other tests"]
async fn program() {
    let shutdown = Shutdown::on_signals().expect("signals");
    println!("\nlistening");
    shutdown.begun().await;
    println!("\ndraining");
    // Drains for ever if it is named so: only a second signal ends it.
    if std::env::args().any(|argument| argument == "stubborn") {
        std::future::pending::<()>().await;
    }
}

fn start(stubborn: bool) -> (Child, impl Iterator<Item = String>) {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--ignored", "--nocapture", "program"]);
    if stubborn {
        // A second filter: it matches no other test, and the child sees it among its arguments.
        command.arg("stubborn");
    }
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let output = child.stdout.take().expect("piped");
    (child, BufReader::new(output).lines().map_while(Result::ok))
}

fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(pid), signal).expect("it lives");
}

#[rstest]
#[case(Signal::SIGTERM)]
#[case(Signal::SIGINT)]
fn a_signal_begins_an_orderly_end(#[case] signal: Signal) {
    let (mut child, mut lines) = start(false);
    assert!(lines.any(|line| line == "listening"));
    send(&child, signal);
    assert!(lines.any(|line| line == "draining"));
    lines.for_each(drop);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_second_signal_ends_at_once() {
    let (mut child, mut lines) = start(true);
    assert!(lines.any(|line| line == "listening"));
    send(&child, Signal::SIGTERM);
    assert!(lines.any(|line| line == "draining"));
    send(&child, Signal::SIGTERM);
    lines.for_each(drop);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
