//! Logs of pods.

use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use serde_json::json;

use crate::world::{World, container, is_over, message, pod, shell};

#[tokio::test]
async fn a_log_can_be_read_in_part() {
    let world = World::new().await;
    world
        .run("p", "for i in 1 2 3; do echo line $i; done; echo wrong >&2")
        .await;
    let read = async |params: LogParams| world.api::<Pod>().logs("p", &params).await.expect("a log");
    assert_eq!(
        read(LogParams::default()).await,
        "line 1\nline 2\nline 3\nwrong\n"
    );
    assert_eq!(
        read(LogParams {
            tail_lines: Some(2),
            ..Default::default()
        })
        .await,
        "line 3\nwrong\n"
    );
    assert_eq!(
        read(LogParams {
            limit_bytes: Some(4),
            ..Default::default()
        })
        .await,
        "line"
    );
    assert_eq!(
        read(LogParams {
            since_seconds: Some(3600),
            tail_lines: Some(1),
            ..Default::default()
        })
        .await,
        "wrong\n"
    );
    let stamped = read(LogParams {
        timestamps: true,
        tail_lines: Some(1),
        ..Default::default()
    })
    .await;
    let (time, rest) = stamped.split_once(' ').expect("a time before the line");
    assert!(time.parse::<jiff::Timestamp>().is_ok() && rest == "wrong\n");
    world.close().await;
}

#[tokio::test]
async fn a_followed_log_ends_with_its_container() {
    let world = World::new().await;
    world
        .create::<Pod>(pod("p", &[shell("main", "echo one; sleep 1; echo two")]))
        .await;
    world
        .until::<Pod>("p", |pod| container(pod, "main")["state"]["running"].is_object())
        .await;
    let params = LogParams {
        follow: true,
        ..Default::default()
    };
    let stream = world
        .api::<Pod>()
        .log_stream("p", &params)
        .await
        .expect("a stream");
    let mut text = String::new();
    futures_util::AsyncReadExt::read_to_string(&mut Box::pin(stream), &mut text)
        .await
        .expect("the whole log");
    assert_eq!(text, "one\ntwo\n");
    world.close().await;
}

#[tokio::test]
async fn the_log_of_the_previous_attempt_is_kept() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "echo attempt; sleep 0.2; exit 1")]);
    wanted["spec"]["restartPolicy"] = json!("Always");
    world.create::<Pod>(wanted).await;
    world
        .until::<Pod>("p", |pod| {
            container(pod, "main")["restartCount"].as_i64() >= Some(1)
        })
        .await;
    let params = LogParams {
        previous: true,
        ..Default::default()
    };
    assert_eq!(
        world.api::<Pod>().logs("p", &params).await.expect("a log"),
        "attempt\n"
    );
    world.close().await;
}

#[tokio::test]
async fn a_log_that_cannot_be_read_says_why() {
    let world = World::new().await;
    let pods = world.api::<Pod>();
    world
        .create::<Pod>(pod("two", &[shell("a", "true"), shell("b", "true")]))
        .await;
    world.until("two", is_over).await;
    assert!(
        message(pods.logs("two", &LogParams::default()).await).contains("a container name must be specified")
    );
    let params = LogParams {
        container: Some("c".into()),
        ..Default::default()
    };
    assert!(message(pods.logs("two", &params).await).contains("not valid"));
    let params = LogParams {
        container: Some("a".into()),
        previous: true,
        ..Default::default()
    };
    assert!(message(pods.logs("two", &params).await).contains("previous terminated container"));
    world.close().await;
}

#[tokio::test]
async fn a_log_is_bounded() {
    let Some(world) = World::simulated().await else {
        return;
    };
    world
        .run(
            "p",
            "yes 0123456789012345678901234567890123456789 | head -c 30000000; echo; echo end",
        )
        .await;
    let log = world.log("p", "main").await;
    assert!(log.len() < 16 << 20, "{} bytes were kept", log.len());
    assert!(log.ends_with("end\n"));
    world.close().await;
}
