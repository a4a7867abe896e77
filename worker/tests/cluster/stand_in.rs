//! What the pods run here: the modes of the agent-runner with its promises to the cluster, and none of its work.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

pub(crate) const MODES: [&str; 3] = ["install", "supervise", "agent"];

/// A file of the supervisor's Secret: the turn ends by itself, with this last word.
pub(crate) const LAST_WORD: &str = "last-word";

pub(crate) fn run(mode: &str) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match mode {
        "install" => install(),
        "supervise" => runtime.block_on(supervise()),
        _ => runtime.block_on(agent()),
    }
}

fn install() -> ExitCode {
    let bin = PathBuf::from(std::env::args().nth(2).expect("a folder")).join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    let own = std::env::current_exe().expect("this binary");
    fs::copy(own, bin.join("agent-runner")).expect("copied");
    ExitCode::SUCCESS
}

/// Holds the secret, lets the agent in, and leaves a last word when told to end.
async fn supervise() -> ExitCode {
    let mut end = signal(SignalKind::terminate()).expect("a signal");
    let token =
        fs::read_to_string(variable("CODEXK8S_SECRET_DIR").join("supervisor-token")).expect("the token");
    println!("the token has {} characters", token.len());
    fs::write(variable("CODEXK8S_PRIVATE_DIR").join("state"), "mine").expect("a private folder");
    let _socket =
        UnixListener::bind(variable("CODEXK8S_CONTROL_DIR").join("supervisor.sock")).expect("a socket");
    let word = fs::read_to_string(variable("CODEXK8S_SECRET_DIR").join(LAST_WORD)).ok();
    if word.is_some() {
        fs::write(variable("CODEXK8S_CONTROL_DIR").join("end"), "").expect("a shared folder");
    }
    end.recv().await;
    let word = word.unwrap_or_else(|| "told to end".into());
    fs::write(variable("CODEXK8S_TERMINATION_LOG"), word).expect("a last word");
    ExitCode::SUCCESS
}

/// Sees what it should and nothing else, and ends when the supervisor says so.
async fn agent() -> ExitCode {
    let mut end = signal(SignalKind::terminate()).expect("a signal");
    let control = variable("CODEXK8S_CONTROL_DIR");
    assert!(
        control.join("supervisor.sock").exists(),
        "the supervisor was there first"
    );
    assert!(
        fs::write(control.join("mine"), "").is_err(),
        "the control folder is read-only"
    );
    for hidden in ["/var/secrets/codexk8s", "/var/lib/codexk8s"] {
        assert!(!Path::new(hidden).exists(), "{hidden}");
    }
    fs::write(variable("CODEXK8S_WORKSPACE").join("made"), "").expect("a workspace");
    println!("the agent works");
    while !control.join("end").exists() {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
            _ = end.recv() => return ExitCode::from(143),
        }
    }
    ExitCode::SUCCESS
}

fn variable(name: &str) -> PathBuf {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is set"))
        .into()
}
