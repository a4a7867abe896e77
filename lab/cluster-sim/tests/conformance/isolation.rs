//! What a container must not see and do, and that nothing is left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster_sim::{ClusterConfig, ClusterSim, Image, Isolation};
use k8s_openapi::api::core::v1::{Pod, Secret};
use serde_json::json;
use tempfile::TempDir;

use crate::world::{World, is_over, phase, pod, shell};

#[tokio::test]
async fn a_container_sees_neither_the_host_nor_other_pods() {
    let Some(world) = World::simulated().await else {
        return;
    };
    if !world.is_isolated() {
        return;
    }
    let canary = world.folder.path().join("canary");
    fs::write(&canary, "secret of the host").expect("the canary is written");
    world
        .create::<Secret>(json!({"metadata": {"name": "s"}, "stringData": {"key": "secret of a pod"}}))
        .await;
    let mut other = pod("other", &[shell("main", "sleep 30")]);
    other["spec"]["volumes"] = json!([{"name": "s", "secret": {"secretName": "s"}}]);
    other["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "s", "mountPath": "/s"}]);
    other["spec"]["containers"][0]["env"] = json!([{"name": "CANARY", "value": "secret of an environment"}]);
    world.create::<Pod>(other).await;
    world.until::<Pod>("other", |pod| phase(pod) == "Running").await;
    let script = format!(
        "cat {} 2>/dev/null; ls {} 2>/dev/null; ls -A /home /root 2>/dev/null | grep -v :; \
         cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -a CANARY; \
         ls -d /proc/[0-9]* | wc -l; test $$$$ = 1 && echo first",
        canary.display(),
        world.folder.path().display(),
    );
    world.run("p", &script).await;
    let log = world.log("p", "main").await;
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    assert!(!log.contains("secret"), "{log}");
    assert_eq!(lines.last(), Some(&"first"), "{log}");
    let processes: usize = lines[lines.len() - 2].trim().parse().expect("a count");
    assert!(processes <= 4, "it sees {processes} processes: {log}");
    world.close().await;
}

#[tokio::test]
async fn containers_of_one_pod_share_only_their_volumes() {
    let world = World::new().await;
    if !world.is_isolated() {
        return;
    }
    let mut wanted = pod(
        "p",
        &[
            shell(
                "one",
                "touch /tmp/mine; echo x > /both/one; ls /private; while ! test -e /both/two; do sleep 0.1; done",
            ),
            shell(
                "two",
                "while ! test -e /both/one; do sleep 0.1; done; touch /both/two; ls /tmp; ls /private 2>&1 | grep -c No",
            ),
        ],
    );
    wanted["spec"]["volumes"] =
        json!([{"name": "both", "emptyDir": {}}, {"name": "private", "emptyDir": {}}]);
    wanted["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "both", "mountPath": "/both"}, {"name": "private", "mountPath": "/private"}]);
    wanted["spec"]["containers"][1]["volumeMounts"] = json!([{"name": "both", "mountPath": "/both"}]);
    world.create::<Pod>(wanted).await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    assert_eq!(world.log("p", "two").await, "1\n");
    world.close().await;
}

#[tokio::test]
async fn a_container_has_no_privileges() {
    let Some(world) = World::simulated().await else {
        return;
    };
    if !world.is_isolated() {
        return;
    }
    let script = "grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status | tr '\\t' ' '; \
        touch /usr/x 2>/dev/null || echo refused; mount -t tmpfs x /tmp 2>/dev/null || echo refused";
    world.run("p", script).await;
    let log = world.log("p", "main").await;
    assert!(
        log.contains("CapPrm: 0000000000000000\nCapEff: 0000000000000000\nNoNewPrivs: 1\n"),
        "{log}"
    );
    assert!(log.ends_with("refused\nrefused\n"), "{log}");
    world.close().await;
}

#[tokio::test]
async fn an_image_is_what_the_configuration_binds() {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("greet");
    fs::write(&program, "#!/bin/sh\necho \"$GREETING $1\"\n").expect("the program is written");
    set_mode(&program, 0o755);
    // The folder of a test is private; a program that an image binds is not.
    set_mode(folder.path(), 0o755);
    let sim = start_in(
        &folder,
        Image {
            pattern: "greeter:*".to_owned(),
            binds: vec![
                (program.clone(), PathBuf::from("/opt/greeter/greet")),
                (program, PathBuf::from("/usr/local/bin/cluster-sim-greet")),
            ],
            env: vec![("GREETING".to_owned(), "hello".to_owned())],
            entrypoint: vec!["/opt/greeter/greet".to_owned()],
        },
    )
    .await;
    if sim.isolation() == Isolation::None {
        eprintln!("skipped: NO ISOLATION on this host: {:?}", sim.why_no_isolation());
        return;
    }
    let (client, space) = (client(&sim), "default");
    let pods: kube::Api<Pod> = kube::Api::namespaced(client, space);
    let wanted = json!({"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never", "containers": [
        {"name": "own", "image": "greeter:1", "args": ["world"]},
        {"name": "found", "image": "greeter:1", "command": ["cluster-sim-greet"], "args": ["path"]}]}});
    let wanted: Pod = serde_json::from_value(wanted).expect("well formed");
    pods.create(&kube::api::PostParams::default(), &wanted)
        .await
        .expect("accepted");
    while !is_over(&pods.get("p").await.expect("it is there")) {
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    for (container, greeting) in [("own", "hello world\n"), ("found", "hello path\n")] {
        let params = kube::api::LogParams {
            container: Some(container.to_owned()),
            ..Default::default()
        };
        assert_eq!(pods.logs("p", &params).await.expect("a log"), greeting);
    }
    sim.stop().await;
}

fn client(sim: &ClusterSim) -> kube::Client {
    let mut config = kube::Config::new(sim.url().parse().expect("a URL"));
    config.auth_info.token = Some(sim.token().to_owned().into());
    kube::Client::try_from(config).expect("a client")
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

async fn start_in(folder: &TempDir, image: Image) -> ClusterSim {
    ClusterSim::start(ClusterConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.path().join("cluster"),
        images: vec![image],
        launcher: env!("CARGO_BIN_EXE_cluster-sim-launcher").into(),
    })
    .await
    .expect("the simulator starts")
}

/// Counts the processes of this machine whose command line holds `mark`.
fn count_marked(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("there is a /proc");
    let is_marked = |path: PathBuf| {
        fs::read(path.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(mark))
    };
    processes
        .filter_map(Result::ok)
        .filter(|entry| is_marked(entry.path()))
        .count()
}

#[tokio::test]
async fn a_stopped_simulator_leaves_nothing_behind() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let mark = format!("mark-{}", world.namespace);
    let script =
        format!("trap '' TERM; (trap '' TERM; setsid sleep 300 {mark} &) ; while true; do sleep 1; done");
    let mut wanted = pod("p", &[shell("main", &script.replace(&format!(" {mark}"), ""))]);
    wanted["spec"]["containers"][0]["args"] = json!([mark]);
    world.create::<Pod>(wanted).await;
    world.until::<Pod>("p", |pod| phase(pod) == "Running").await;
    assert!(count_marked(&mark) > 0);
    let folder = world.folder;
    world.sim.expect("it is the simulator").stop().await;
    assert_eq!(count_marked(&mark), 0);
    let left: Vec<_> = fs::read_dir(folder.path().join("cluster/pods"))
        .expect("the folder")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
