//! The real command lines of agents, fetched from npm.

use std::path::PathBuf;

use lab::Cli;

/// Where stories of the real CLIs are given up on purpose; only then are they skipped.
const WITHOUT: &str = "LAB_WITHOUT_CLIS";

/// Fetches one and answers where its program is; none if this run is to do without.
pub(crate) async fn cli(cli: Cli) -> Option<PathBuf> {
    if std::env::var_os(WITHOUT).is_some_and(|set| set == "1") {
        println!("SKIPPED: {WITHOUT}=1");
        return None;
    }
    let fetched = tokio::task::spawn_blocking(move || cli.fetch()).await;
    match fetched.expect("npm ends") {
        Ok(program) => Some(program),
        Err(why) => panic!("{cli:?} cannot be fetched; set {WITHOUT}=1 to do without: {why:#}"),
    }
}
