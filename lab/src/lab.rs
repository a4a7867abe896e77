//! A lab, from its first folder to its last process.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cluster_sim::{ClusterConfig, ClusterSim, Image, Isolation};
use embedded_postgres::{Database, Durability, Environment, Options, Source};
use github_sim::{AppKey, AppSeed, GithubSim, Webhook};
use model_sim::ModelSim;
use orchestrator::credential::MasterKey;
use orchestrator::postgres;
use secrecy::ExposeSecret;

use crate::config::{LabConfig, PORTS, Place};
use crate::endpoints::Endpoints;
use crate::files::{private_dir, secret, write_private};
use crate::platform::{CommandLines, Platform, Program};
use crate::{codex, seed};

const DATABASE: &str = "codex_k8s";
const RUNNER_IMAGE: &str = "codex-k8s.lab/runner:1";
const AGENT_IMAGE: &str = "codex-k8s.lab/agent:1";
/// Where the runner's image holds the CLI, as `deploy/images/runner` does.
const CODEX_IN_IMAGE: &str = "/usr/local/lib/codex";

/// A running lab.
pub struct Lab {
    pub endpoints: Endpoints,
    pub github: GithubSim,
    pub cluster: ClusterSim,
    pub model: ModelSim,
    platform: Option<Platform>,
    config: LabConfig,
    database: Option<Database>,
}

impl Lab {
    /// Starts everything and seeds what is missing. Two labs with two folders run side by side.
    ///
    /// # Errors
    ///
    /// Something is missing or in use; the text says what to do.
    pub async fn start(config: LabConfig) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        if config.port != 0 && config.port > u16::MAX - PORTS {
            bail!(
                "LAB_PORT must leave room for {PORTS} ports; choose one below {}",
                u16::MAX - PORTS
            );
        }
        private_dir(&config.dir)?;
        let files = Files::at(&config.dir)?;
        let database = open_database(&config).await?;
        let database_url = database.url(DATABASE).expose_secret().to_owned();
        write_private(&files.database_url, &database_url)?;
        postgres::migrate(&database_url).await.context("the schema")?;

        let gateway = telemetry::bind(config.address(Place::Gateway)).await?;
        let mcp_server = telemetry::bind(config.address(Place::McpServer)).await?;
        let internal = telemetry::bind(config.address(Place::Internal)).await?;
        let internal_url = config
            .replicas
            .is_none()
            .then(|| internal.local_addr())
            .transpose()?;
        let gateway_url = format!("http://{}", gateway.local_addr()?);
        let mcp_url = format!("http://{}/mcp", mcp_server.local_addr()?);
        let webhook_secret = std::fs::read_to_string(&files.webhook_secret)?;

        let webhook = Webhook {
            url: format!("{gateway_url}/webhooks/github"),
            secret: webhook_secret.clone(),
        };
        let github = start_github(&config, &files, webhook.clone()).await?;
        let model = start_model(&config, &files).await?;
        let cluster = start_cluster(&config).await?;
        refuse_unsafe(&config, &cluster)?;
        let model_key_file = config
            .model
            .as_ref()
            .map_or(&files.model_key, |model| &model.key_file);
        let mut lines = command_lines(&files, &github, &cluster, &mcp_url, model_key_file);
        if let Some(file) = &config.fault_file {
            lines.worker.extend(["--fault-file".into(), file.into()]);
        }

        let seeded = seed::platform(
            &config,
            &files.database_url,
            &files.master_key,
            &github,
            &model,
            &mcp_url,
        )
        .await?;
        let platform = match config.replicas {
            None => Platform::inside(&lines, gateway, mcp_server, internal).await?,
            Some(replicas) => {
                drop(internal);
                Platform::children(config.lab_program.clone(), lines, replicas, gateway, mcp_server)?
            }
        };
        let endpoints = Endpoints {
            pid: std::process::id(),
            webhook_url: webhook.url,
            webhook_secret,
            internal_url: internal_url.map(|address| format!("http://{address}")),
            github_url: github.url().to_owned(),
            github_api_url: github.url().to_owned(),
            model_url: model.url(),
            kubeconfig: cluster.kubeconfig_path().to_owned(),
            database_url,
            master_key_file: files.master_key.clone(),
            isolation: format!("{:?}", cluster.isolation()),
            gateway_url,
            mcp_url,
            ..seeded
        };
        wait_until_up(&endpoints).await?;
        endpoints.write(&config.dir)?;
        Ok(Self {
            endpoints,
            github,
            cluster,
            model,
            platform: Some(platform),
            config,
            database: Some(database),
        })
    }

    /// Process ids of a program's replicas; none when the programs run in this process.
    pub fn pids(&self, program: Program) -> Vec<u32> {
        match &self.platform {
            Some(Platform::Children(children)) => children.pids(program),
            _ => Vec::new(),
        }
    }

    /// Where each gateway itself listens, behind the common address; none when the programs run in this process.
    pub fn gateways(&self) -> &[SocketAddr] {
        match &self.platform {
            Some(Platform::Children(children)) => children.gateways(),
            _ => &[],
        }
    }

    /// Ends the database's server and starts it again, as a crash of its machine would.
    ///
    /// # Errors
    ///
    /// The database is not ours, or does not come back.
    pub async fn restart_database(&mut self) -> anyhow::Result<()> {
        let Some(Database::Embedded(server)) = self.database.take() else {
            bail!("the database is not the lab's own");
        };
        tokio::task::spawn_blocking(move || server.stop()).await??;
        self.database = Some(open_database(&self.config).await?);
        Ok(())
    }

    /// Ends everything in order: programs, pods, simulators, database.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(platform) = self.platform.take() {
            platform.stop().await;
        }
        let _ = std::fs::remove_file(Endpoints::file(&self.config.dir));
        self.cluster.stop().await;
        self.model.stop();
        self.github.stop().await?;
        if let Some(Database::Embedded(server)) = self.database.take() {
            tokio::task::spawn_blocking(move || server.stop()).await??;
        }
        if self.config.throw_away {
            let _ = std::fs::remove_dir_all(&self.config.dir);
        }
        Ok(())
    }
}

/// Files that hold what operators would mount.
struct Files {
    database_url: PathBuf,
    master_key: PathBuf,
    webhook_secret: PathBuf,
    app_key: PathBuf,
    model_key: PathBuf,
}

impl Files {
    fn at(dir: &Path) -> anyhow::Result<Self> {
        let dir = dir.join("secrets");
        private_dir(&dir)?;
        let files = Self {
            database_url: dir.join("database-url"),
            master_key: dir.join("master-key"),
            webhook_secret: dir.join("webhook-secret"),
            app_key: dir.join("app-key.pem"),
            model_key: dir.join("model-key"),
        };
        secret(&files.master_key, || MasterKey::generate().encode())?;
        secret(&files.webhook_secret, random)?;
        secret(&files.model_key, random)?;
        Ok(files)
    }
}

fn random() -> String {
    hex::encode(rand::random::<[u8; 24]>())
}

async fn open_database(config: &LabConfig) -> anyhow::Result<Database> {
    let source = if let Some(url) = &config.database_url {
        Source::Url(url.clone())
    } else {
        let environment: Environment = std::env::vars_os().collect();
        let cache =
            embedded_postgres::default_cache_dir(&environment).unwrap_or_else(|| config.dir.join("cache"));
        let mut options = Options::new(cache, config.dir.join("postgres"), environment);
        if config.throw_away {
            options.durability = Durability::ThrowAway;
        }
        Source::Embedded(options)
    };
    let database = tokio::task::spawn_blocking(move || source.open()).await??;
    if let Database::Embedded(server) = &database {
        postgres::admin::ensure_database(&server.url("postgres"), DATABASE).await?;
    }
    Ok(database)
}

async fn start_github(config: &LabConfig, files: &Files, webhook: Webhook) -> anyhow::Result<GithubSim> {
    let key_file = files.app_key.clone();
    let key = tokio::task::spawn_blocking(move || AppKey::load_or_generate(&key_file)).await??;
    let github = GithubSim::start(github_sim::Config {
        listen: config.address(Place::Github),
        data_dir: config.dir.join("github"),
        app: AppSeed::new(key),
        webhook: Some(webhook),
        keep_state: true,
    })
    .await?;
    github.seed(&seed::github()).await?;
    Ok(github)
}

async fn start_model(config: &LabConfig, files: &Files) -> anyhow::Result<ModelSim> {
    ModelSim::start(model_sim::Config {
        listen: config.address(Place::Model),
        key: std::fs::read_to_string(&files.model_key)?,
        scripts: seed::scripts(),
    })
    .await
}

async fn start_cluster(config: &LabConfig) -> anyhow::Result<ClusterSim> {
    let mut binds = vec![(
        config.runner_program.clone(),
        PathBuf::from("/usr/local/bin/agent-runner"),
    )];
    binds.extend(codex::installed().map(|folder| (folder, PathBuf::from(CODEX_IN_IMAGE))));
    let image = |pattern: &str, binds| Image {
        pattern: pattern.to_owned(),
        binds,
        ..Image::default()
    };
    ClusterSim::start(ClusterConfig {
        listen: config.address(Place::Cluster),
        data_dir: config.dir.join("cluster"),
        images: vec![image(RUNNER_IMAGE, binds), image(AGENT_IMAGE, Vec::new())],
        launcher: config.lab_program.clone(),
    })
    .await
}

/// A real model must not work on a machine that cannot keep its agent apart.
fn refuse_unsafe(config: &LabConfig, cluster: &ClusterSim) -> anyhow::Result<()> {
    if cluster.isolation() == Isolation::None && config.model.is_some() && !config.unsafe_without_isolation {
        bail!(
            "NO ISOLATION: this host does not let the lab keep an agent apart ({}); a real model could read your files. \
             Use the scripted model, or set LAB_UNSAFE=1",
            cluster.why_no_isolation().unwrap_or("no reason is known")
        );
    }
    Ok(())
}

fn command_lines(
    files: &Files,
    github: &GithubSim,
    cluster: &ClusterSim,
    mcp_url: &str,
    model_key_file: &Path,
) -> CommandLines {
    let common = || -> Vec<OsString> {
        vec![
            "--database-url-file".into(),
            files.database_url.clone().into(),
            "--internal-listen".into(),
            // As children; inside the lab one port serves all.
            "127.0.0.1:0".into(),
            "--log-format".into(),
            "text".into(),
        ]
    };
    let mut gateway = common();
    gateway.extend([
        "--webhook-secret-file".into(),
        files.webhook_secret.clone().into(),
    ]);
    let with_key = || {
        let mut line = common();
        line.extend(["--master-key-file".into(), files.master_key.clone().into()]);
        line
    };
    let mut mcp_server = with_key();
    mcp_server.extend(["--resource".into(), mcp_url.into()]);
    let mut worker = with_key();
    let app = AppSeed::new(AppKey::load_or_generate(&files.app_key).expect("the key was made above"));
    for (flag, value) in [
        ("--audience", OsString::from(mcp_url)),
        ("--runner-mcp-url", mcp_url.into()),
        ("--github-api-url", github.url().into()),
        ("--github-app-id", app.id.to_string().into()),
        ("--github-private-key-file", files.app_key.clone().into()),
        ("--cluster-prefix", "lab".into()),
        ("--kubeconfig", cluster.kubeconfig_path().into()),
        ("--runner-image", RUNNER_IMAGE.into()),
        ("--agent-image", AGENT_IMAGE.into()),
        ("--model-key-file", model_key_file.into()),
    ] {
        worker.extend([flag.into(), value]);
    }
    if codex::installed().is_none() {
        worker.extend(["--runner-programs".into(), "".into()]);
    }
    CommandLines {
        gateway,
        mcp_server,
        worker,
    }
}

/// Waits until the programs answer.
async fn wait_until_up(endpoints: &Endpoints) -> anyhow::Result<()> {
    let client = crate::client::http()?;
    let mcp = endpoints.mcp_url.trim_end_matches("/mcp");
    for url in [
        format!("{}/healthz", endpoints.gateway_url),
        format!("{mcp}/healthz"),
    ] {
        let up = async {
            while client.get(&url).send().await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), up)
            .await
            .with_context(|| format!("{url} did not answer within 30 s; look at the log"))?;
    }
    Ok(())
}
