//! The real Codex CLI, fetched from npm.

/// Where stories of the real CLI are given up on purpose; only then are they skipped.
const WITHOUT: &str = "LAB_WITHOUT_CODEX";

/// Fetches the CLI; false if this run is to do without.
pub(crate) async fn codex() -> bool {
    if std::env::var_os(WITHOUT).is_some_and(|set| set == "1") {
        println!("SKIPPED: {WITHOUT}=1");
        return false;
    }
    let fetched = tokio::task::spawn_blocking(|| lab::npm_ci("npm/codex", "@openai/codex"));
    if let Err(why) = fetched.await.expect("npm ends") {
        panic!("the Codex CLI cannot be fetched; set {WITHOUT}=1 to do without: {why:#}");
    }
    true
}
