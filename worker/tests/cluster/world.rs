//! A cluster of one test's own, and the adapter connected to it.

use std::time::{Duration, Instant};

use clap::Parser;
use cluster_sim::{ClusterConfig, ClusterSim, Image, Isolation};
use kube::config::{KubeConfigOptions, Kubeconfig};
use orchestrator::Clock;
use orchestrator::agent::Adapter;
use orchestrator::id::RunId;
use orchestrator::ports::cluster::{Cluster as _, RunnerKey, RunnerPhase, RunnerPod, RunnerSecret};
use tempfile::TempDir;
use worker::kubernetes::{AGENT_TOKEN_FILE, Kubernetes, KubernetesConfig, SUPERVISOR_TOKEN_FILE};

use crate::rights::Heard;

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    kubernetes: KubernetesConfig,
}

pub(crate) struct World {
    pub(crate) sim: ClusterSim,
    pub(crate) cluster: Kubernetes,
    _folder: TempDir,
}

/// Whether this host keeps containers apart; without that their paths would be the host's, and no story can be told.
pub(crate) async fn is_isolated() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = start(&folder).await;
    let isolated = sim.isolation() != Isolation::None;
    sim.stop().await;
    isolated
}

async fn start(folder: &TempDir) -> ClusterSim {
    let own = std::env::current_exe().expect("this binary");
    let image = Image {
        pattern: "*".to_owned(),
        binds: vec![(own.clone(), "/image/agent-runner".into())],
        env: vec![("PATH".to_owned(), "/image:/usr/bin:/bin".to_owned())],
        entrypoint: Vec::new(),
    };
    let config = ClusterConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.path().join("cluster"),
        images: vec![image],
        launcher: own,
    };
    ClusterSim::start(config).await.expect("the simulator starts")
}

impl World {
    /// Starts a cluster; none where the host cannot keep containers apart, because their paths would be the host's.
    pub(crate) async fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let sim = start(&folder).await;
        if sim.isolation() == Isolation::None {
            eprintln!("skipped: {}", sim.why_no_isolation().unwrap_or("no isolation"));
            return None;
        }
        let config = configured(&sim, &[]);
        let cluster = Kubernetes::connect(config, Clock::default())
            .await
            .expect("connected");
        cluster.ensure_project("shop", 4).await.expect("a project");
        Some(Self {
            sim,
            cluster,
            _folder: folder,
        })
    }

    /// Connects anew, as this account, with somebody listening to every call.
    pub(crate) async fn listen_in(&mut self, heard: &Heard, account: &str) {
        let account = format!("--worker-account={account}");
        let kubernetes = configured(&self.sim, &[&account]);
        let kubeconfig = Kubeconfig::read_from(self.sim.kubeconfig_path()).expect("a kubeconfig");
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .expect("usable");
        let client = || heard.client(config.clone());
        self.cluster = Kubernetes::new(client(), client(), kubernetes, Clock::default());
    }

    pub(crate) async fn prepared(&self, pod: &RunnerPod) {
        self.cluster
            .prepare_runner(pod, &secret())
            .await
            .expect("prepared");
    }

    pub(crate) async fn started(&self, pod: &RunnerPod) {
        self.prepared(pod).await;
        self.cluster.release_runner(&pod.key).await.expect("released");
        self.until(&pod.key, |phase| *phase == RunnerPhase::Running).await;
    }

    pub(crate) async fn phase(&self, key: &RunnerKey) -> Option<RunnerPhase> {
        let all = self.cluster.list_runners().await.expect("a list");
        all.into_iter()
            .find(|runner| runner.key == *key)
            .map(|runner| runner.phase)
    }

    pub(crate) async fn until(
        &self,
        key: &RunnerKey,
        is_wanted: impl Fn(&RunnerPhase) -> bool,
    ) -> RunnerPhase {
        let begun = Instant::now();
        loop {
            let phase = self.phase(key).await;
            match phase {
                Some(phase) if is_wanted(&phase) => return phase,
                other => assert!(begun.elapsed() < PATIENCE, "it stays {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn until_gone(&self, key: &RunnerKey) {
        let begun = Instant::now();
        while !self.cluster.runner_gone(key).await.expect("an answer") {
            assert!(begun.elapsed() < PATIENCE, "it stays: {:?}", self.sim.pods());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn configured(sim: &ClusterSim, more: &[&str]) -> KubernetesConfig {
    let kubeconfig = format!("--kubeconfig={}", sim.kubeconfig_path().display());
    let arguments = [
        "worker",
        "--runner-image=runner",
        "--agent-image=agent",
        "--runner-mcp-url=http://localhost/mcp",
    ];
    let arguments = arguments
        .into_iter()
        .chain([kubeconfig.as_str()])
        .chain(more.iter().copied());
    Program::try_parse_from(arguments)
        .expect("a configuration")
        .kubernetes
}

pub(crate) fn a_pod() -> RunnerPod {
    RunnerPod {
        key: RunnerKey {
            project: "shop".to_owned(),
            run_id: RunId::new(),
            turn: 1,
            fence: 3,
        },
        adapter: Adapter::Codex,
        agent_image: None,
        runtime_class: None,
        cpu: "500m".to_owned(),
        memory: "512Mi".to_owned(),
        deadline_seconds: 600,
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    }
}

pub(crate) fn secret() -> RunnerSecret {
    [
        (SUPERVISOR_TOKEN_FILE.to_owned(), "t0ken".into()),
        (AGENT_TOKEN_FILE.to_owned(), "other".into()),
    ]
    .into()
}
