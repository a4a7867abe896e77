//! Starting a turn: which files its supervisor gets, and what a worker says that cannot give them.

use std::path::PathBuf;

use orchestrator::agent::{self, Model};
use orchestrator::credential::MasterKey;
use orchestrator::error::Result;
use orchestrator::queue::{Done, Perform};
use orchestrator::run::jobs::StartRunner;
use orchestrator::run::{self, Run, RunState};
use orchestrator::{Actor, Clock, Error};
use rstest::rstest;
use worker::ModelKey;
use worker::kubernetes::{AGENT_TOKEN_FILE, MODEL_HOST_FILE, MODEL_KEY_FILE, SUPERVISOR_TOKEN_FILE};

use crate::hands::{ATTEMPT, Platform};
use crate::world::ISSUE;

const MODEL: &str = "some-model";

/// Admits a run and lets the worker start it; answers what the worker said, and the run.
async fn start(platform: &Platform, model: Option<&str>) -> (Result<Done>, Run) {
    let orchestrator = &platform.orchestrator;
    let system = Actor::System("test");
    let mut tx = orchestrator.begin("test.model").await.expect("a transaction");
    let known = Model {
        model: MODEL.into(),
        api: orchestrator::agent::Api::Responses,
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
