//! The faults of the simulator: each does what it says, and clients get over it.

use std::pin::pin;
use std::time::{Duration, Instant};

use cluster_sim::{ClusterSim, Fault};
use futures_util::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams, WatchParams};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{World, container, is_over, job, phase, pod, refusal, shell};

fn ask(sim: &ClusterSim, fault: Fault) {
    sim.faults().inject(fault).expect("the fault is taken");
}

#[tokio::test]
async fn a_conflict_can_be_had_some_times() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "map"}}))
        .await;
    ask(
        sim,
        Fault::Conflict {
            resource: Some("configmaps".into()),
            times: 2,
        },
    );
    let patch = Patch::Merge(json!({"data": {"a": "1"}}));
    for _ in 0..2 {
        let refused = world
            .api::<ConfigMap>()
            .patch("map", &PatchParams::default(), &patch)
            .await;
        assert_eq!(refusal(refused), (409, "Conflict".to_owned()));
    }
    assert!(
        world
            .api::<ConfigMap>()
            .patch("map", &PatchParams::default(), &patch)
            .await
            .is_ok()
    );
    assert_eq!(sim.faults().waiting(), []);
    world.close().await;
}

#[tokio::test]
async fn a_write_can_fail_after_its_effect() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    ask(
        sim,
        Fault::ErrorAfterEffect {
            resource: None,
            verb: Some("POST".into()),
            times: 1,
        },
    );
    let refused = world
        .try_create::<ConfigMap>(json!({"metadata": {"name": "map"}}))
        .await;
    assert_eq!(refusal(refused).0, 500);
    assert!(world.api::<ConfigMap>().get("map").await.is_ok());
    world.close().await;
}

#[tokio::test]
async fn an_outage_passes() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    let maps = world.api::<ConfigMap>();
    ask(
        sim,
        Fault::Outage {
            milliseconds: 60_000,
            broken: true,
        },
    );
    assert!(maps.list(&ListParams::default()).await.is_err());
    sim.faults().clear();
    assert!(maps.list(&ListParams::default()).await.is_ok());
    ask(
        sim,
        Fault::Outage {
            milliseconds: 400,
            broken: false,
        },
    );
    // The client would try again by itself, so this looks at the bare answer.
    assert!(
        raw_get(sim, "/api/v1/namespaces")
            .await
            .starts_with("HTTP/1.1 503")
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(maps.list(&ListParams::default()).await.is_ok());
    world.close().await;
}

/// Gives the answer to one GET as it comes over the wire.
async fn raw_get(sim: &ClusterSim, path: &str) -> String {
    let address = sim.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address)
        .await
        .expect("it listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        sim.token()
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test]
async fn answers_can_be_slow() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    ask(
        sim,
        Fault::Slow {
            resource: Some("configmaps".into()),
            milliseconds: 300,
            times: 1,
        },
    );
    let start = Instant::now();
    world
        .api::<ConfigMap>()
        .list(&ListParams::default())
        .await
        .expect("a list");
    assert!(start.elapsed() >= Duration::from_millis(300));
    world.close().await;
}

#[tokio::test]
async fn a_watcher_gets_over_dropped_and_expired_watches() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    let config = watcher::Config::default().labels("app=web");
    let events = watch(world.api::<ConfigMap>(), config).default_backoff();
    let mut events = pin!(events.filter_map(async |event| event.ok()));
    let mut seen = Vec::new();
    let faults = [None, Some(Fault::DropWatches), Some(Fault::ExpireWatches)];
    for (index, fault) in faults.into_iter().enumerate() {
        let name = format!("m-{index}");
        if let Some(fault) = fault {
            ask(sim, fault);
        }
        world
            .create::<ConfigMap>(json!({"metadata": {"name": name, "labels": {"app": "web"}}}))
            .await;
        while !seen.contains(&name) {
            let event = tokio::time::timeout(Duration::from_secs(30), events.next())
                .await
                .expect("in time");
            if let Some(Event::Apply(map) | Event::InitApply(map)) = event {
                seen.push(map.name_any());
            }
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_dropped_watch_breaks_off() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    let maps = world.api::<ConfigMap>();
    let version = maps
        .list(&ListParams::default())
        .await
        .expect("a list")
        .metadata
        .resource_version;
    let params = WatchParams::default();
    let mut events = pin!(
        maps.watch(&params, &version.expect("a version"))
            .await
            .expect("a watch")
    );
    ask(sim, Fault::DropWatches);
    let last = tokio::time::timeout(Duration::from_secs(5), events.next())
        .await
        .expect("it ends at once");
    assert!(last.is_none_or(|event| event.is_err()));
    world.close().await;
}

#[tokio::test]
async fn a_container_can_run_out_of_memory() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    world.create::<Pod>(pod("p", &[shell("main", "sleep 60")])).await;
    world.until::<Pod>("p", |pod| phase(pod) == "Running").await;
    let (namespace, pod) = (world.namespace.clone(), "p".to_owned());
    ask(
        sim,
        Fault::OomKill {
            namespace,
            pod,
            container: "main".to_owned(),
        },
    );
    let ended = world.until("p", is_over).await;
    let state = container(&ended, "main")["state"]["terminated"].clone();
    assert_eq!(
        (&state["reason"], &state["exitCode"]),
        (&json!("OOMKilled"), &json!(137))
    );
    world.close().await;
}

#[tokio::test]
async fn a_memory_limit_holds() {
    let world = World::new().await;
    if world.sim.as_ref().is_some_and(|sim| !sim.bounds_memory()) {
        eprintln!("skipped: this host lets us make no control groups");
        return;
    }
    let mut wanted = pod(
        "p",
        &[shell(
            "main",
            "head -c 200000000 /dev/zero | tail -n 1 > /dev/null; exit 1",
        )],
    );
    wanted["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "32Mi"}});
    world.create::<Pod>(wanted).await;
    let ended = world.until("p", is_over).await;
    assert_eq!(
        container(&ended, "main")["state"]["terminated"]["reason"],
        "OOMKilled"
    );
    world.close().await;
}

#[tokio::test]
async fn a_lost_node_takes_its_pod_along() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    world.create::<Job>(job("work", "sleep 60")).await;
    let name = loop {
        if let Some(pod) = sim.pods().into_iter().find(|pod| pod.phase == "Running") {
            break pod.name;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    ask(
        sim,
        Fault::LostNode {
            namespace: world.namespace.clone(),
            pod: name.clone(),
        },
    );
    world.until_gone::<Pod>(&name).await;
    world
        .until::<Job>("work", |job| {
            job.status.as_ref().and_then(|status| status.failed) == Some(1)
        })
        .await;
    world.close().await;
}

#[tokio::test]
async fn faults_can_be_asked_for_over_http() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let call = async |method: &str, body: serde_json::Value| {
        let request = http::Request::builder().method(method).uri("/_sim/faults");
        let request = request.body(body.to_string().into_bytes()).expect("a request");
        world.client.request::<serde_json::Value>(request).await
    };
    let fault = json!({"fault": "conflict", "resource": "jobs", "times": 3});
    assert_eq!(
        call("POST", fault.clone()).await.expect("accepted"),
        json!({"waiting": [fault]})
    );
    assert_eq!(
        call("DELETE", json!(null)).await.expect("accepted"),
        json!({"waiting": []})
    );
    assert_eq!(refusal(call("POST", json!({"fault": "unheard of"})).await).0, 400);
    world.close().await;
}
