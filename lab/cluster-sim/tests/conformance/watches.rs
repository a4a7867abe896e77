//! Watches: what changed, in order, without a gap.

use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

fn map(name: &str, app: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": app}}})
}

async fn next<S: Stream<Item = Result<T, E>> + Unpin, T, E: std::fmt::Debug>(stream: &mut S) -> T {
    let event = timeout(PATIENCE, stream.next())
        .await
        .expect("an event comes in time");
    event.expect("the watch goes on").expect("the event is readable")
}

async fn label(maps: &Api<ConfigMap>, name: &str, app: &str) {
    let patch = Patch::Merge(json!({"metadata": {"labels": {"app": app}}}));
    maps.patch(name, &PatchParams::default(), &patch)
        .await
        .expect("accepted");
}

/// Gives an event's letter and name, as in `A:map`.
fn short(event: &WatchEvent<ConfigMap>) -> String {
    match event {
        WatchEvent::Added(map) => format!("A:{}", map.name_any()),
        WatchEvent::Modified(map) => format!("M:{}", map.name_any()),
        WatchEvent::Deleted(map) => format!("D:{}", map.name_any()),
        WatchEvent::Bookmark(_) => "B".to_owned(),
        WatchEvent::Error(status) => format!("E:{}", status.code),
    }
}

#[tokio::test]
async fn a_watch_resumes_strictly_after_a_version() {
    let world = World::new().await;
    let maps = world.api::<ConfigMap>();
    let first: ConfigMap = world.create(map("first", "web")).await;
    world.create::<ConfigMap>(map("second", "web")).await;
    maps.delete("second", &DeleteParams::default())
        .await
        .expect("accepted");
    let params = WatchParams::default().labels("app");
    let version = first.resource_version().expect("a version");
    let mut events = pin!(maps.watch(&params, &version).await.expect("a watch"));
    let seen = [next(&mut events).await, next(&mut events).await];
    assert_eq!(seen.each_ref().map(short), ["A:second", "D:second"]);
    let (WatchEvent::Added(added), WatchEvent::Deleted(deleted)) = (&seen[0], &seen[1]) else {
        unreachable!()
    };
    assert_ne!(added.resource_version(), deleted.resource_version());
    world.close().await;
}

#[tokio::test]
async fn a_selection_is_entered_and_left() {
    let world = World::new().await;
    let maps = world.api::<ConfigMap>();
    let made: ConfigMap = world.create(map("map", "other")).await;
    let params = WatchParams::default().labels("app=web");
    let mut events = pin!(
        maps.watch(&params, &made.resource_version().expect("a version"))
            .await
            .expect("a watch")
    );
    for app in ["web", "web2", "web"] {
        label(&maps, "map", app).await;
    }
    let seen = [
        next(&mut events).await,
        next(&mut events).await,
        next(&mut events).await,
    ];
    assert_eq!(seen.each_ref().map(short), ["A:map", "D:map", "A:map"]);
    world.close().await;
}

#[tokio::test]
async fn a_watch_ends_when_its_time_is_over() {
    let world = World::new().await;
    let list = world
        .api::<ConfigMap>()
        .list(&ListParams::default())
        .await
        .expect("a list");
    let version = list.metadata.resource_version.expect("a list has a version");
    let params = WatchParams::default().timeout(1);
    let events = world
        .api::<ConfigMap>()
        .watch(&params, &version)
        .await
        .expect("a watch");
    let all: Vec<_> = timeout(PATIENCE, events.try_collect())
        .await
        .expect("it ends")
        .expect("it ends well");
    assert!(all.iter().all(|event| matches!(event, WatchEvent::Bookmark(_))));
    world.close().await;
}

#[tokio::test]
async fn a_streaming_list_ends_with_its_bookmark() {
    let world = World::new().await;
    world.create::<ConfigMap>(map("map", "web")).await;
    let config = watcher::Config::default().labels("app=web").streaming_lists();
    let mut events = pin!(kube::runtime::watcher(world.api::<ConfigMap>(), config));
    assert!(matches!(next(&mut events).await, Event::Init));
    assert!(matches!(next(&mut events).await, Event::InitApply(found) if found.name_any() == "map"));
    assert!(matches!(next(&mut events).await, Event::InitDone));
    label(&world.api(), "map", "web").await;
    world.create::<ConfigMap>(map("later", "web")).await;
    assert!(matches!(next(&mut events).await, Event::Apply(found) if found.name_any() == "later"));
    world.close().await;
}

#[tokio::test]
async fn a_reflector_keeps_up() {
    let world = World::new().await;
    let (reader, writer) = reflector::store();
    let source = kube::runtime::watcher(
        world.api::<ConfigMap>(),
        watcher::Config::default().labels("app=web"),
    );
    let task = tokio::spawn(
        reflector(writer, source)
            .default_backoff()
            .touched_objects()
            .for_each(async |_| {}),
    );
    reader.wait_until_ready().await.expect("it is filled");
    for index in 0..20 {
        world.create::<ConfigMap>(map(&format!("m-{index}"), "web")).await;
    }
    let maps = world.api::<ConfigMap>();
    maps.delete("m-0", &DeleteParams::default())
        .await
        .expect("accepted");
    label(&maps, "m-1", "db").await;
    let wait = async {
        while reader.len() != 18 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it holds what is there");
    task.abort();
    world.close().await;
}

#[tokio::test]
async fn a_version_that_is_forgotten_has_expired() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    let made: ConfigMap = world.create(map("map", "web")).await;
    sim.faults()
        .inject(cluster_sim::Fault::ExpireWatches)
        .expect("the fault is taken");
    let version = made.resource_version().expect("a version");
    let mut events = pin!(
        world
            .api::<ConfigMap>()
            .watch(&WatchParams::default(), &version)
            .await
            .expect("a watch")
    );
    assert_eq!(short(&next(&mut events).await), "E:410");
    world.close().await;
}
