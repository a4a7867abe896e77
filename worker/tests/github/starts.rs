//! Starting a turn: which files its supervisor gets, and what a worker says that cannot give them.

use std::path::PathBuf;

use orchestrator::agent::{self, AGENTS_FILE, Api, Model};
use orchestrator::credential::MasterKey;
use orchestrator::error::Result;
use orchestrator::ports::code_host::{CodeHost, TokenAccess};
use orchestrator::queue::{Done, Perform};
use orchestrator::run::jobs::StartRunner;
use orchestrator::run::{self, Run, RunState};
use orchestrator::testing::supervisor_of;
use orchestrator::{Actor, Clock, Error};
use rstest::rstest;
use worker::ModelKey;
use worker::kubernetes::{AGENT_TOKEN_FILE, MODEL_HOST_FILE, MODEL_KEY_FILE, SUPERVISOR_TOKEN_FILE};

use crate::git::Checkout;
use crate::hands::{ATTEMPT, Platform};
use crate::world::{ISSUE, REPOSITORY};

const MODEL: &str = "some-model";

/// Admits a run and lets the worker start it; answers what the worker said, and the run.
async fn start(platform: &Platform, model: Option<&str>) -> (Result<Done>, Run) {
    let orchestrator = &platform.orchestrator;
    let system = Actor::System("test");
    let mut tx = orchestrator.begin("test.model").await.expect("a transaction");
    let known = Model {
        model: MODEL.into(),
        api: Api::Responses,
        base_url: "http://model.test".into(),
        input_micro_usd: None,
        cached_input_micro_usd: None,
        output_micro_usd: None,
    };
    agent::set_model(&mut tx, &system, &known).await.expect("set");
    tx.commit().await.expect("committed");
    let mut new = platform.project.new_run(Some(ISSUE));
    new.model = model.map(str::to_owned);
    let queued = run::start(orchestrator, &system, new, None)
        .await
        .expect("queued");
    run::admit_next(orchestrator).await.expect("admitted");
    let admitted = run::get(orchestrator, &system, queued.run_id)
        .await
        .expect("there");
    let job = StartRunner {
        run_id: admitted.run_id,
        turn: admitted.turn,
        fence: admitted.fence,
    };
    let said = platform.hands.perform(job, ATTEMPT).await;
    let run = run::get(orchestrator, &system, queued.run_id).await;
    (said, run.expect("there"))
}

fn key_in(file: PathBuf) -> ModelKey {
    let host = "http://model.test".into();
    ModelKey { file, host }
}

fn failure(run: &Run) -> String {
    match &run.state {
        RunState::Failed(failure) => failure.to_string(),
        other => other.to_string(),
    }
}

#[rstest]
#[case::a_model_and_its_key(Some(MODEL), "key", &[AGENT_TOKEN_FILE, MODEL_KEY_FILE, MODEL_HOST_FILE, SUPERVISOR_TOKEN_FILE])]
#[case::no_model(None, "key", &[AGENT_TOKEN_FILE, SUPERVISOR_TOKEN_FILE])]
#[case::no_such_file(Some(MODEL), "missing", &[AGENT_TOKEN_FILE, SUPERVISOR_TOKEN_FILE])]
#[tokio::test]
async fn the_models_key_goes_where_a_model_is(
    #[case] model: Option<&str>,
    #[case] file: &str,
    #[case] expected: &[&str],
) {
    let mut platform = Platform::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), "k\n").expect("written");
    platform.hands.model_key = Some(key_in(folder.path().join(file)));
    let (said, run) = start(&platform, model).await;
    assert!(
        matches!(said, Err(Error::Unavailable(_))),
        "the cluster: {said:?}"
    );
    assert_eq!(failure(&run), "starting");
    assert_eq!(platform.cluster.files().expect("it was asked"), expected);
    platform.end().await;
}

#[tokio::test]
async fn a_key_file_that_cannot_be_read_fails_the_run_by_its_name() {
    let mut platform = Platform::new().await;
    platform.hands.model_key = Some(key_in(PathBuf::from("/")));
    let (said, run) = start(&platform, Some(MODEL)).await;
    assert!(said.is_ok(), "{said:?}");
    assert_eq!(failure(&run), "model_auth: key_unreadable");
    platform.end().await;
}

#[tokio::test]
async fn a_worker_with_another_master_key_does_not_blame_the_model() {
    let mut platform = Platform::new().await;
    let stranger = platform
        .db
        .orchestrator_with(Clock::default(), MasterKey::generate());
    platform.hands.orchestrator = stranger.await;
    let (said, run) = start(&platform, Some(MODEL)).await;
    assert!(said.is_ok(), "{said:?}");
    assert_eq!(failure(&run), "internal: token_unsigned");
    platform.end().await;
}

/// Pushes what the repository takes away from its agents to the default branch; answers the commit.
async fn says(platform: &Platform, file: &str) -> String {
    let token = platform
        .world
        .host
        .repository_token(&platform.world.at(), TokenAccess::Write)
        .await
        .expect("a token");
    let clone_url = format!("{}/{REPOSITORY}.git", platform.world.sim.url());
    let checkout = Checkout::clone(&clone_url, &token).await.expect("a clone");
    let commit = checkout.commit(AGENTS_FILE, file).await;
    checkout.push("main", &token).await.expect("a push");
    commit
}

#[tokio::test]
async fn a_file_on_the_default_branch_narrows_the_run_and_says_so() {
    let platform = Platform::new().await;
    let file = "version: 1
all: {active_seconds: 600, effort: low, read_only: true, write: {exclude: [/vendor/**]}}
stages: {dev: {write: {include: [/src/**, /.github/**]}}}
";
    let commit = says(&platform, file).await;
    let (said, run) = start(&platform, Some(MODEL)).await;
    assert!(
        matches!(said, Err(Error::Unavailable(_))),
        "the cluster: {said:?}"
    );
    assert_eq!(run.active_seconds_limit, 600);
    let (orchestrator, supervisor) = (&platform.orchestrator, supervisor_of(&run));
    run::heartbeat(orchestrator, &supervisor)
        .await
        .expect("it is heard");
    let context = run::context(orchestrator, &supervisor).await.expect("a context");
    assert_eq!(context.run.effort.as_deref(), Some("low"));
    assert_eq!(context.profile.write_include, ["/src/**", "/.github/**"]);
    let excluded = context.profile.excluded();
    for glob in ["/vendor/**", ".github/**"] {
        assert!(excluded.iter().any(|it| it == glob), "{glob}: {excluded:?}");
    }
    assert_eq!(
        platform.narrowed_tokens().await,
        1,
        "the agent's, and not the supervisor's"
    );
    let why = run::explain(orchestrator, &Actor::System("test"), run.run_id).await;
    let notes = why.expect("explained").notes.join("\n");
    assert!(notes.contains(&commit), "{notes}");
    platform.end().await;
}

#[rstest]
#[case::not_understood("version: 1\nall: {budget: 5}", "precondition: agents_file")]
#[case::no_text("version: [", "precondition: agents_file")]
#[case::empty("", "precondition: agents_file")]
#[case::another_model("version: 1\nall: {models: [another]}", "precondition: model_not_allowed")]
#[tokio::test]
async fn a_file_that_leaves_nothing_lets_no_run_start(#[case] file: &str, #[case] expected: &str) {
    let platform = Platform::new().await;
    let commit = says(&platform, file).await;
    let (_, run) = start(&platform, Some(MODEL)).await;
    assert_eq!(failure(&run), expected);
    let why = run::explain(&platform.orchestrator, &Actor::System("test"), run.run_id).await;
    let why = why.expect("explained");
    assert!(why.summary.contains(&commit), "{}", why.summary);
    assert!(why.next.expect("advice").contains(AGENTS_FILE));
    assert!(platform.cluster.files().is_none(), "no pod was asked for");
    platform.end().await;
}

/// A folder in the file's place is nothing that can be read.
#[tokio::test]
async fn what_cannot_be_read_lets_no_run_start() {
    let platform = Platform::new().await;
    let token = platform
        .world
        .host
        .repository_token(&platform.world.at(), TokenAccess::Write)
        .await
        .expect("a token");
    let clone_url = format!("{}/{REPOSITORY}.git", platform.world.sim.url());
    let checkout = Checkout::clone(&clone_url, &token).await.expect("a clone");
    checkout.commit(&format!("{AGENTS_FILE}/x"), "version: 1").await;
    checkout.push("main", &token).await.expect("a push");
    let (said, run) = start(&platform, None).await;
    assert!(said.is_ok(), "{said:?}");
    assert_eq!(failure(&run), "precondition: agents_file_unreadable");
    platform.end().await;
}
