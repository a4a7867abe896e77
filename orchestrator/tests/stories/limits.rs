//! What a run may use, and how people give it more.

use orchestrator::actor::Role;
use orchestrator::agent::{self, Api, Model};
use orchestrator::ports::code_host::HostFileAt;
use orchestrator::project::{self, Limits};
use orchestrator::run::jobs::StartRunner;
use orchestrator::run::limit::{Raise, SpentLimit};
use orchestrator::run::{self, Run, UsageReport};
use orchestrator::testing::{Seeded, TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Error, Orchestrator};

fn system() -> Actor {
    Actor::System("test")
}

/// A running run of a project in which one run may cost 2 dollars, and its model 1 dollar for a million tokens.
async fn running(orchestrator: &Orchestrator) -> (Seeded, Run) {
    let project = seed(orchestrator, "alpha", 1, 1).await.unwrap();
    let limits = Limits {
        run_cost_micro_usd: Some(2_000_000),
        ..Limits::default()
    };
    project::set_limits(orchestrator, &system(), project.project_id, limits)
        .await
        .unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    let model = Model {
        model: "gpt-6".into(),
        api: Api::default(),
        base_url: "https://models.test/v1".into(),
        input_micro_usd: Some(1_000_000),
        cached_input_micro_usd: None,
        output_micro_usd: Some(1_000_000),
    };
    agent::set_model(&mut tx, &system(), &model).await.unwrap();
    tx.commit().await.unwrap();
    let mut new = project.new_run(Some(7));
    new.model = Some("gpt-6".into());
    run::start(orchestrator, &project.maintainer, new, None)
        .await
        .unwrap();
    let run = admit_and_run(orchestrator).await.unwrap();
    (project, run)
}

fn used(input_tokens: i64) -> Vec<UsageReport> {
    vec![UsageReport {
        turn: 0,
        model: "gpt-6".into(),
        requests: 1,
        input_tokens,
        cached_input_tokens: 0,
        output_tokens: 0,
        reasoning_tokens: 0,
        cost_micro_usd: None,
    }]
}

fn to(cost_micro_usd: i64) -> Raise {
    Raise {
        cost_micro_usd: Some(cost_micro_usd),
        ..Raise::default()
    }
}

#[tokio::test]
async fn a_run_that_spent_its_money_goes_on_once_it_is_given_more() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let (project, run) = running(&orchestrator).await;
    let supervisor = supervisor_of(&run);
    assert_eq!(run.cost_limit_micro_usd, Some(2_000_000));
    let context = run::context(&orchestrator, &supervisor).await.unwrap();
    assert_eq!(context.allowance.tokens, Some(2_000_000), "what the money buys");

    let half = run::report_usage(&orchestrator, &supervisor, used(1_000_000))
        .await
        .unwrap();
    assert_eq!((half.cost_micro_usd, half.spent), (Some(1_000_000), None));
    let beat = run::heartbeat(&orchestrator, &supervisor).await.unwrap();
    assert_eq!(beat.allowance.tokens, Some(2_000_000), "of the turn in all");

    let all = run::report_usage(&orchestrator, &supervisor, used(2_100_000))
        .await
        .unwrap();
    assert_eq!(all.spent, Some(SpentLimit::Run));
    let beat = run::heartbeat(&orchestrator, &supervisor).await.unwrap();
    assert_eq!((beat.stop, beat.allowance.spent), (false, Some(SpentLimit::Run)));
    let why = run::explain(&orchestrator, &system(), run.run_id).await.unwrap();
    assert!(
        why.notes.iter().any(|note| note.contains("run_limit_raise")),
        "{why:?}"
    );

    let raised = run::raise_limits(
        &orchestrator,
        &project.maintainer,
        run.run_id,
        to(4_000_000),
        None,
    )
    .await
    .unwrap();
    assert_eq!(raised.cost_limit_micro_usd, Some(4_000_000));
    let beat = run::heartbeat(&orchestrator, &supervisor).await.unwrap();
    assert_eq!(beat.allowance.spent, None, "the running runner hears of it");
    assert_eq!(beat.allowance.tokens, Some(4_000_000));

    let longer = Raise {
        active_seconds: Some(7200),
        ..Raise::default()
    };
    let raised = run::raise_limits(&orchestrator, &project.maintainer, run.run_id, longer, None)
        .await
        .unwrap();
    let beat = run::heartbeat(&orchestrator, &supervisor).await.unwrap();
    assert!(beat.allowance.active_seconds_left > 3600, "{beat:?}");
    // Asking for what is there changes nothing, and adds no line.
    run::raise_limits(&orchestrator, &project.maintainer, run.run_id, longer, None)
        .await
        .unwrap();
    let (events, _) = run::events(&orchestrator, &system(), raised.run_id, 0)
        .await
        .unwrap();
    let lines = events
        .iter()
        .filter(|event| event.kind == "limits_raised")
        .count();
    assert_eq!(lines, 2);
    db.done().await;
}

#[tokio::test]
async fn limits_are_raised_by_those_who_may_and_within_bounds() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let (project, run) = running(&orchestrator).await;
    let raise = async |actor: &Actor, wanted| {
        run::raise_limits(&orchestrator, actor, run.run_id, wanted, None)
            .await
            .map(drop)
    };
    for wanted in [to(8_000_001), to(1), Raise::default()] {
        let refused = raise(&project.maintainer, wanted).await;
        assert!(
            matches!(refused, Err(Error::Invalid(_))),
            "{wanted:?}: {refused:?}"
        );
    }
    let agent = raise(&agent_of(&run), to(3_000_000)).await;
    assert!(
        matches!(agent, Err(Error::Forbidden(_) | Error::NotFound { .. })),
        "{agent:?}"
    );
    let person_id = project.person_id;
    let role = Some(Role::Contributor);
    project::set_member(&orchestrator, &system(), project.project_id, person_id, role)
        .await
        .unwrap();
    let contributor = raise(&project.maintainer, to(3_000_000)).await;
    assert!(matches!(contributor, Err(Error::Forbidden(_))), "{contributor:?}");

    run::cancel(&orchestrator, &system(), run.run_id, None, None)
        .await
        .unwrap();
    let cancelling = raise(&system(), to(3_000_000)).await;
    assert!(matches!(cancelling, Err(Error::Conflict(_))), "{cancelling:?}");
    run::pod_proven_gone(&orchestrator, run.lease()).await.unwrap();
    let over = raise(&system(), to(3_000_000)).await;
    assert!(matches!(over, Err(Error::Conflict(_))), "{over:?}");
    db.done().await;
}

/// What the repository said when the run began is the ceiling of every raise, however much the project would give.
#[tokio::test]
async fn what_the_repository_allows_is_not_lifted() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let queued = project.start(&orchestrator, Some(7)).await.unwrap();
    assert_eq!(
        (queued.active_seconds_limit, queued.cost_limit_micro_usd),
        (3600, None)
    );
    run::admit_next(&orchestrator).await.unwrap();
    let run = run::get(&orchestrator, &system(), queued.run_id).await.unwrap();
    let job = StartRunner {
        run_id: run.run_id,
        turn: run.turn,
        fence: run.fence,
    };
    let file = HostFileAt {
        commit: "c0ffee".into(),
        text: Some("version: 1\nall: {active_seconds: 600, cost_micro_usd: 2000000}".into()),
    };
    run::narrow(&orchestrator, &job, &file).await.unwrap();
    let run = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(
        (run.active_seconds_limit, run.cost_limit_micro_usd),
        (600, Some(2_000_000))
    );
    let longer = Raise {
        active_seconds: Some(601),
        ..Raise::default()
    };
    for wanted in [longer, to(2_000_001)] {
        let refused = run::raise_limits(&orchestrator, &project.maintainer, run.run_id, wanted, None).await;
        assert!(
            matches!(&refused, Err(Error::Invalid(why)) if why.contains("agents.yaml") && why.contains("run_retry")),
            "{wanted:?}: {refused:?}"
        );
    }
    db.done().await;
}
