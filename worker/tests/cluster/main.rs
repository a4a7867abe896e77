//! The Kubernetes adapter against the cluster simulator, over HTTP, with pods that really run.
//!
//! This binary has a `main` of its own because the simulator starts it again: as a container's first process, and, inside
//! the container, as a stand-in for the agent-runner ([`stand_in`]).

mod rights;
mod stand_in;
mod stories;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    cluster_sim::launcher_main();
    if let Some(mode) = std::env::args()
        .nth(1)
        .filter(|mode| stand_in::MODES.contains(&mode.as_str()))
    {
        return stand_in::run(&mode);
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::from_args();
    // Where no story can be told, the summary says so.
    let isolated = tokio::runtime::Runtime::new().is_ok_and(|runtime| runtime.block_on(world::is_isolated()));
    let trials = stories::all().into_iter().map(|(name, story)| {
        Trial::test(name, move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(story());
            Ok(())
        })
        .with_ignored_flag(!isolated)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
