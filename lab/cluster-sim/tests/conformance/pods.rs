//! Pods: environment, exit codes, signals, messages, events.

use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use crate::world::{World, container, is_over, phase, pod, shell};

#[tokio::test]
async fn the_environment_comes_from_all_its_sources() {
    let world = World::new().await;
    world
        .create::<Secret>(json!({"metadata": {"name": "s"}, "stringData": {"key": "hidden"}}))
        .await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "c"}, "data": {"one": "1", "two": "2"}}))
        .await;
    let script =
        "echo $PLAIN $SECRET $MAP $X_one $X_two $NAME $SPACE $LABEL $JOINED $HOSTNAME $LIMIT [$NONE]";
    let mut wanted = pod("p", &[shell("main", script)]);
    wanted["metadata"]["labels"] = json!({"color": "blue"});
    let main = &mut wanted["spec"]["containers"][0];
    main["resources"] = json!({"limits": {"memory": "64Mi"}});
    main["envFrom"] = json!([{"prefix": "X_", "configMapRef": {"name": "c"}}]);
    main["env"] = json!([
        {"name": "PLAIN", "value": "plain"},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
        {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "one"}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['color']"}}},
        {"name": "JOINED", "value": "$(PLAIN)-$(SECRET)"},
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x", "optional": true}}},
    ]);
    world.create::<Pod>(wanted).await;
    world.until("p", is_over).await;
    let wanted = format!(
        "plain hidden 1 1 2 p {} blue plain-hidden p 67108864 []\n",
        world.namespace
    );
    assert_eq!(world.log("p", "main").await, wanted);
    world.close().await;
}

#[tokio::test]
async fn the_end_of_a_container_is_told() {
    let world = World::new().await;
    let ended = world.run("good", "exit 0").await;
    assert_eq!(phase(&ended), "Succeeded");
    assert_eq!(
        container(&ended, "main")["state"]["terminated"]["reason"],
        "Completed"
    );
    let ended = world.run("bad", "exit 7").await;
    assert_eq!(phase(&ended), "Failed");
    let state = container(&ended, "main")["state"]["terminated"].clone();
    assert_eq!(
        (&state["exitCode"], &state["reason"]),
        (&json!(7), &json!("Error"))
    );
    assert!(state["startedAt"].is_string() && state["finishedAt"].is_string());
    let ended = world.run("signalled", "sh -c 'kill -9 $$$$'; exit $?").await;
    assert_eq!(container(&ended, "main")["state"]["terminated"]["exitCode"], 137);
    world.close().await;
}

#[tokio::test]
async fn last_words_are_kept() {
    let world = World::new().await;
    let ended = world
        .run("file", "printf 'the reason' > /dev/termination-log; exit 1")
        .await;
    assert_eq!(
        container(&ended, "main")["state"]["terminated"]["message"],
        "the reason"
    );
    let mut wanted = pod("log", &[shell("main", "echo first; echo last; exit 1")]);
    wanted["spec"]["containers"][0]["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
    world.create::<Pod>(wanted).await;
    let ended = world.until("log", is_over).await;
    let message = container(&ended, "main")["state"]["terminated"]["message"].clone();
    assert_eq!(message.as_str().map(str::trim_end), Some("first\nlast"));
    let mut wanted = pod("path", &[shell("main", "printf here > /tmp/words")]);
    wanted["spec"]["containers"][0]["terminationMessagePath"] = json!("/tmp/words");
    world.create::<Pod>(wanted).await;
    let ended = world.until("path", is_over).await;
    assert_eq!(
        container(&ended, "main")["state"]["terminated"]["message"],
        "here"
    );
    world.close().await;
}

#[tokio::test]
async fn a_deleted_pod_may_end_in_its_own_time() {
    let world = World::new().await;
    let script = "trap 'exit 0' TERM; echo up; while true; do sleep 0.1; done";
    world.create::<Pod>(pod("p", &[shell("main", script)])).await;
    world
        .until::<Pod>("p", |pod| container(pod, "main")["ready"] == true)
        .await;
    let deleted = world
        .api::<Pod>()
        .delete("p", &DeleteParams::default())
        .await
        .expect("accepted");
    let held = deleted.left().expect("it still stands");
    assert_eq!(held.metadata.deletion_grace_period_seconds, Some(5));
    world.until_gone::<Pod>("p").await;
    world.close().await;
}

#[tokio::test]
async fn a_pod_that_ignores_sigterm_is_killed_after_its_grace() {
    let world = World::new().await;
    world
        .create::<Pod>(pod(
            "p",
            &[shell("main", "trap '' TERM; while true; do sleep 0.1; done")],
        ))
        .await;
    world.until::<Pod>("p", |pod| phase(pod) == "Running").await;
    let start = std::time::Instant::now();
    world
        .api::<Pod>()
        .delete("p", &DeleteParams::default().grace_period(2))
        .await
        .expect("accepted");
    world.until_gone::<Pod>("p").await;
    assert!(start.elapsed().as_secs() >= 1, "it had two seconds");
    world.close().await;
}

#[tokio::test]
async fn a_pod_can_be_removed_at_once() {
    let world = World::new().await;
    world
        .create::<Pod>(pod(
            "p",
            &[shell("main", "trap '' TERM; while true; do sleep 0.1; done")],
        ))
        .await;
    world.until::<Pod>("p", |pod| phase(pod) == "Running").await;
    world
        .api::<Pod>()
        .delete("p", &DeleteParams::default().grace_period(0))
        .await
        .expect("accepted");
    assert!(
        world
            .api::<Pod>()
            .get_opt("p")
            .await
            .expect("the API answers")
            .is_none()
    );
    world.close().await;
}

#[tokio::test]
async fn an_unknown_image_is_told() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "true")]);
    wanted["spec"]["containers"][0]["image"] = json!("registry.invalid/no/such:image");
    world.create::<Pod>(wanted).await;
    world
        .until::<Pod>("p", |pod| {
            container(pod, "main")["state"]["waiting"]["reason"] == "ImagePullBackOff"
        })
        .await;
    world.close().await;
}

#[tokio::test]
async fn a_missing_key_is_told() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "true")]);
    let source = json!({"secretKeyRef": {"name": "none", "key": "x"}});
    wanted["spec"]["containers"][0]["env"] = json!([{"name": "X", "valueFrom": source}]);
    world.create::<Pod>(wanted).await;
    let reason = "CreateContainerConfigError";
    world
        .until::<Pod>("p", |pod| {
            container(pod, "main")["state"]["waiting"]["reason"] == reason
        })
        .await;
    world
        .create::<Secret>(json!({"metadata": {"name": "none"}, "stringData": {"x": "y"}}))
        .await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    world.close().await;
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_a_start_error() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "true")]);
    wanted["spec"]["containers"][0]["command"] = json!(["/no/such/program"]);
    world.create::<Pod>(wanted).await;
    let ended = world.until("p", is_over).await;
    let state = container(&ended, "main")["state"]["terminated"].clone();
    assert_eq!(
        (phase(&ended), &state["reason"], &state["exitCode"]),
        ("Failed", &json!("StartError"), &json!(128))
    );
    world.close().await;
}

#[tokio::test]
async fn a_failing_container_is_started_again() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "echo try; exit 1")]);
    wanted["spec"]["restartPolicy"] = json!("Always");
    world.create::<Pod>(wanted).await;
    let waiting = world
        .until::<Pod>("p", |pod| {
            container(pod, "main")["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        })
        .await;
    assert!(container(&waiting, "main")["restartCount"].as_i64() >= Some(1));
    assert_eq!(
        container(&waiting, "main")["lastState"]["terminated"]["exitCode"],
        1
    );
    world.close().await;
}

#[tokio::test]
async fn a_pod_that_is_active_too_long_fails() {
    let world = World::new().await;
    let mut wanted = pod(
        "p",
        &[shell(
            "main",
            "trap 'exit 0' TERM; while true; do sleep 0.1; done",
        )],
    );
    wanted["spec"]["activeDeadlineSeconds"] = json!(1);
    world.create::<Pod>(wanted).await;
    let ended = world.until("p", is_over).await;
    assert_eq!(
        ended.status.and_then(|status| status.reason).as_deref(),
        Some("DeadlineExceeded")
    );
    world.close().await;
}

#[tokio::test]
async fn events_tell_what_happened() {
    let world = World::new().await;
    let ended = world.run("p", "true").await;
    let about = format!("involvedObject.uid={}", ended.uid().expect("a uid"));
    let events = world
        .api::<Event>()
        .list(&ListParams::default().fields(&about))
        .await
        .expect("a list");
    let reasons: Vec<String> = events.into_iter().filter_map(|event| event.reason).collect();
    for wanted in ["Scheduled", "Started"] {
        assert!(
            reasons.iter().any(|reason| reason == wanted),
            "{wanted} is missing in {reasons:?}"
        );
    }
    world.close().await;
}

#[tokio::test]
async fn a_container_works_in_its_folder() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "pwd; echo $0 $1")]);
    wanted["spec"]["containers"][0]["workingDir"] = json!("/usr");
    wanted["spec"]["containers"][0]["args"] = json!(["zero", "$(WORD)"]);
    wanted["spec"]["containers"][0]["env"] = json!([{"name": "WORD", "value": "one"}]);
    world.create::<Pod>(wanted).await;
    world.until("p", is_over).await;
    assert_eq!(world.log("p", "main").await, "/usr\nzero one\n");
    world.close().await;
}
