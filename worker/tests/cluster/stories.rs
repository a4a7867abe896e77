use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use cluster_sim::Fault;
use orchestrator::ports::cluster::{Cluster as _, ClusterError, OwnedKind, RunnerKey, RunnerPhase};
use orchestrator::slot::environment::Standing;

use crate::rights::{self, Call};
use crate::stand_in::LAST_WORD;
use crate::world::{World, a_pod, secret};

type Story = fn() -> Pin<Box<dyn Future<Output = ()>>>;

pub(crate) fn all() -> Vec<(&'static str, Story)> {
    vec![
        ("a_runner_lives_and_is_proven_gone", || {
            Box::pin(a_runner_lives_and_is_proven_gone())
        }),
        ("a_runner_that_ends_leaves_its_last_word", || {
            Box::pin(a_runner_that_ends_leaves_its_last_word())
        }),
        ("asking_again_changes_nothing", || {
            Box::pin(asking_again_changes_nothing())
        }),
        (
            "an_outage_proves_nothing",
            || Box::pin(an_outage_proves_nothing()),
        ),
        ("a_lost_node_is_told_from_an_end", || {
            Box::pin(a_lost_node_is_told_from_an_end())
        }),
        ("a_change_is_heard_of_at_once", || {
            Box::pin(a_change_is_heard_of_at_once())
        }),
        ("the_sweep_finds_a_secret_without_a_job", || {
            Box::pin(the_sweep_finds_a_secret_without_a_job())
        }),
        ("the_roles_allow_what_the_worker_does", || {
            Box::pin(the_roles_allow_what_the_worker_does())
        }),
    ]
}

async fn a_runner_lives_and_is_proven_gone() {
    let Some(world) = World::new().await else { return };
    let pod = a_pod();
    assert!(
        matches!(
            world.cluster.release_runner(&pod.key).await,
            Err(ClusterError::Refused(_))
        ),
        "nothing is there"
    );
    world.prepared(&pod).await;
    let waits = RunnerPhase::Pending {
        waits_for: Some("its release".to_owned()),
    };
    assert_eq!(world.phase(&pod.key).await, Some(waits));
    assert_eq!(world.sim.pods(), [], "nothing starts before its release");
    assert!(!world.cluster.runner_gone(&pod.key).await.expect("an answer"));

    world.cluster.release_runner(&pod.key).await.expect("released");
    world
        .until(&pod.key, |phase| *phase == RunnerPhase::Running)
        .await;
    let log = world.cluster.runner_log(&pod.key, 4_096).await.expect("a log");
    let expected = [
        ("supervisor", "the token has 5 characters\n"),
        ("agent", "the agent works\n"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(log, expected);
    let pods = world.cluster.runner_pods(&pod.key).await.expect("pods");
    let seen: Vec<_> = pods
        .iter()
        .flat_map(|pod| &pod.containers)
        .filter(|container| ["supervisor", "agent"].contains(&container.name.as_str()))
        .map(|container| (container.name.as_str(), container.standing, container.restarts))
        .collect();
    let running = |name| (name, Standing::Running, 0);
    assert_eq!(seen, [running("supervisor"), running("agent")], "{pods:#?}");
    let events = world.cluster.runner_events(&pod.key, 3).await.expect("events");
    assert_eq!(events.len(), 3, "the newest of more: {events:#?}");
    assert!(events.is_sorted_by(|newer, older| newer.at >= older.at));
    let kinds: Vec<OwnedKind> = world
        .cluster
        .list_owned()
        .await
        .expect("a list")
        .into_iter()
        .map(|object| object.kind)
        .collect();
    assert_eq!(kinds, [OwnedKind::Job, OwnedKind::Secret, OwnedKind::Pod]);

    world.cluster.remove_runner(&pod.key).await.expect("removed");
    world.until_gone(&pod.key).await;
    assert_eq!(world.phase(&pod.key).await, None);
    assert_eq!(
        world.cluster.list_owned().await.expect("a list"),
        [],
        "its Secret went with it"
    );
    world
        .cluster
        .remove_runner(&pod.key)
        .await
        .expect("removing again changes nothing");
}

async fn a_runner_that_ends_leaves_its_last_word() {
    let Some(world) = World::new().await else { return };
    let pod = a_pod();
    let mut secret = secret();
    secret.insert(LAST_WORD.to_owned(), "{\"reason\":\"internal\"}".into());
    let prepared = world.cluster.prepare_runner(&pod, &secret).await;
    prepared.expect("prepared");
    world.cluster.release_runner(&pod.key).await.expect("released");
    let ended = world
        .until(&pod.key, |phase| matches!(phase, RunnerPhase::Ended { .. }))
        .await;
    let message = Some("{\"reason\":\"internal\"}".to_owned());
    assert_eq!(
        ended,
        RunnerPhase::Ended {
            succeeded: true,
            message,
            oom: false
        }
    );
    world.cluster.remove_runner(&pod.key).await.expect("removed");
    world.until_gone(&pod.key).await;
}

async fn asking_again_changes_nothing() {
    let Some(world) = World::new().await else { return };
    let pod = a_pod();
    let lost = Fault::ErrorAfterEffect {
        resource: Some("jobs".to_owned()),
        verb: Some("POST".to_owned()),
        times: 1,
    };
    world.sim.faults().inject(lost).expect("a fault");
    let unknown = world.cluster.prepare_runner(&pod, &secret()).await;
    assert!(
        matches!(unknown, Err(ClusterError::Unavailable(_))),
        "{unknown:?}"
    );
    world.started(&pod).await;
    let before = world.sim.pods();
    world.cluster.ensure_project("shop", 4).await.expect("as it is");
    world.prepared(&pod).await;
    world.cluster.release_runner(&pod.key).await.expect("as it is");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        world.sim.pods(),
        before,
        "a late worker that prepares again does not stop the runner"
    );
    let older = RunnerKey {
        fence: 2,
        ..pod.key.clone()
    };
    world
        .cluster
        .remove_runner(&older)
        .await
        .expect("nothing to remove");
    assert_eq!(world.sim.pods(), before, "another fence is another runner");
}

async fn an_outage_proves_nothing() {
    let Some(world) = World::new().await else { return };
    let pod = a_pod();
    for broken in [false, true] {
        world
            .sim
            .faults()
            .inject(Fault::Outage {
                milliseconds: 60_000,
                broken,
            })
            .expect("a fault");
        let proof = world.cluster.runner_gone(&pod.key).await;
        assert!(matches!(proof, Err(ClusterError::Unavailable(_))), "{proof:?}");
        let made = world.cluster.prepare_runner(&pod, &secret()).await;
        assert!(matches!(made, Err(ClusterError::Unavailable(_))), "{made:?}");
        world.sim.faults().clear();
    }
    assert!(
        world
            .cluster
            .runner_gone(&pod.key)
            .await
            .expect("it answers again")
    );
}

async fn a_lost_node_is_told_from_an_end() {
    let Some(world) = World::new().await else { return };
    let pod = a_pod();
    world.started(&pod).await;
    let name = world.sim.pods()[0].name.clone();
    let namespace = "codexk8s-shop-runners".to_owned();
    world
        .sim
        .faults()
        .inject(Fault::LostNode { namespace, pod: name })
        .expect("a fault");
    world.until(&pod.key, |phase| *phase == RunnerPhase::Lost).await;
}

async fn a_change_is_heard_of_at_once() {
    let Some(world) = World::new().await else { return };
    let pod = a_pod();
    world.prepared(&pod).await;
    // What happened so far is heard of once; then it is quiet until the time-out.
    world.cluster.runners_changed().await.expect("a hint");
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.cluster.runners_changed().await.expect("a hint");
    let begun = Instant::now();
    world.cluster.release_runner(&pod.key).await.expect("released");
    world.cluster.runners_changed().await.expect("a hint");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());

    world
        .until(&pod.key, |phase| *phase == RunnerPhase::Running)
        .await;
    world.sim.faults().inject(Fault::DropWatches).expect("a fault");
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.cluster.runners_changed().await.expect("a hint");
    let begun = Instant::now();
    world.cluster.remove_runner(&pod.key).await.expect("removed");
    world.cluster.runners_changed().await.expect("a hint");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it watches again: {:?}",
        begun.elapsed()
    );
}

async fn the_sweep_finds_a_secret_without_a_job() {
    let Some(world) = World::new().await else { return };
    let pod = a_pod();
    world.started(&pod).await;
    let all = world.cluster.list_owned().await.expect("a list");
    assert!(
        all.iter()
            .all(|object| object.key.as_ref() == Some(&pod.key) && object.age_seconds < 60),
        "{all:?}"
    );
    let secret = all
        .iter()
        .find(|object| object.kind == OwnedKind::Secret)
        .expect("a Secret");
    let mut another = secret.clone();
    "of-an-earlier-one".clone_into(&mut another.uid);
    world
        .cluster
        .remove_owned(&another)
        .await
        .expect("that one is gone");
    assert_eq!(
        world.cluster.list_owned().await.expect("a list").len(),
        3,
        "the one of that name stays"
    );
    world.cluster.remove_owned(secret).await.expect("removed");
    world.cluster.remove_owned(secret).await.expect("removed already");
    let left: Vec<OwnedKind> = world
        .cluster
        .list_owned()
        .await
        .expect("a list")
        .into_iter()
        .map(|object| object.kind)
        .collect();
    assert_eq!(left, [OwnedKind::Job, OwnedKind::Pod]);
    for object in world.cluster.list_owned().await.expect("a list") {
        world.cluster.remove_owned(&object).await.expect("removed");
    }
    world.until_gone(&pod.key).await;
}

async fn the_roles_allow_what_the_worker_does() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (heard, account) = (rights::Heard::default(), "codex-k8s:worker");
    world.listen_in(&heard, account).await;
    let pod = a_pod();
    world.cluster.ensure_project("shop", 4).await.expect("a project");
    world.started(&pod).await;
    world.prepared(&pod).await;
    world.cluster.runner_log(&pod.key, 100).await.expect("a log");
    world.cluster.runner_events(&pod.key, 10).await.expect("events");
    world.cluster.runners_changed().await.expect("a hint");
    for object in world.cluster.list_owned().await.expect("a list") {
        world.cluster.remove_owned(&object).await.expect("removed");
    }
    world.cluster.remove_runner(&pod.key).await.expect("removed");
    world.until_gone(&pod.key).await;
    let calls = heard.calls();
    assert!(calls.len() > 15, "{calls:?}");
    let refused: Vec<&Call> = calls.iter().filter(|call| !rights::allow(call)).collect();
    assert_eq!(
        refused,
        Vec::<&Call>::new(),
        "deploy/base/worker/cluster-role.yaml"
    );
}
