//! A lab, from its first folder to its last process.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cluster_sim::{ClusterConfig, ClusterSim, Image, Isolation};
use embedded_postgres::{Database, Durability, Environment, Options, Postgres, Source};
use github_sim::{AppKey, AppSeed, GithubSim, Webhook};
use model_sim::ModelSim;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orchestrator::credential::{EdgeKey, MasterKey};
use orchestrator::postgres::{self, Roles};
use secrecy::ExposeSecret;

use crate::children::{Children, Origin};
use crate::cli::Cli;
use crate::config::{LabConfig, PORTS, Place};
use crate::endpoints::{Endpoints, Settings};
use crate::files::{private_dir, secret, write_private};
use crate::lock::Lock;
use crate::platform::{CommandLines, Platform, Program};
use crate::{search, seed};

const DATABASE: &str = "codex_k8s";
const RUNNER_IMAGE: &str = "codex-k8s.lab/runner:1";
const AGENT_IMAGE: &str = "codex-k8s.lab/agent:1";

/// Like GitHub, the simulator does not wait for one answer before it sends the next.
const WEBHOOKS_AT_ONCE: usize = 8;

/// A killed database is up again after this long.
const DATABASE_RECOVERS: Duration = Duration::from_secs(20);

/// A running lab.
pub struct Lab {
    pub endpoints: Endpoints,
    pub github: GithubSim,
    pub cluster: ClusterSim,
    pub model: ModelSim,
    platform: Option<Platform>,
    config: LabConfig,
    database: Option<Database>,
    _lock: Lock,
}

impl Lab {
    /// Starts everything and seeds what is missing. Two labs with two folders run side by side.
    ///
    /// # Errors
    ///
    /// Something is missing or in use; the text says what to do.
    #[expect(clippy::too_many_lines, reason = "one thing after the other, each once")]
    pub async fn start(config: LabConfig) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        if config.port != 0 && config.port > u16::MAX - PORTS {
            bail!(
                "LAB_PORT must leave room for {PORTS} ports; choose one below {}",
                u16::MAX - PORTS
            );
        }
        private_dir(&config.dir)?;
        let lock = Lock::take(&config.dir)?;
        // Of a lab that was killed: whoever finds none waits for this one's.
        let _ = std::fs::remove_file(Endpoints::file(&config.dir));
        let files = Files::at(&config.dir)?;
        let database = open_database(&config).await?;
        let database_url = database.url(DATABASE).expose_secret().to_owned();
        write_private(&files.database_url, &database_url)?;
        postgres::migrate(&database_url).await.context("the schema")?;
        let roles = Roles::default();
        postgres::grant(&database_url, &roles)
            .await
            .context("the roles")?;
        for program in postgres::Program::ALL {
            write_private(&files.url_of(*program), &roles.url(&database_url, *program))?;
        }

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
        let github = start_github(&config, &files, webhook.clone(), &gateway_url).await?;
        let model = start_model(&config, &files).await?;
        let cluster = start_cluster(&config).await?;
        refuse_unsafe(&config, cluster.isolation(), cluster.why_no_isolation())?;
        let scripted = model.url();
        let model_key = match &config.model {
            Some(model) => (model.key_file.as_path(), model.url.as_str()),
            None => (files.model_key.as_path(), scripted.as_str()),
        };
        let public = Public {
            gateway_url: &gateway_url,
            mcp_url: &mcp_url,
        };
        let mut lines = command_lines(&files, &github, &cluster, &public, model_key)?;
        lines.worker.extend(search::arguments(&config));
        if let Some(folder) = &config.console {
            lines.gateway.extend(["--console-dir".into(), folder.into()]);
        }
        if let Some(file) = &config.fault_file {
            lines.worker.extend(["--fault-file".into(), file.into()]);
        }
        if let Some(rate) = config.calls_per_second {
            lines
                .mcp_server
                .extend(["--calls-per-second".into(), rate.to_string().into()]);
        }

        let seeded = seed::platform(
            &config,
            &files.database_url,
            seed::KeyFiles {
                master: &files.master_key,
                edge: &files.edge_key,
            },
            &github,
            &model,
            seed::Audiences {
                inside: &mcp_url,
                public: &format!("{gateway_url}/mcp"),
            },
        )
        .await?;
        let platform = match config.replicas {
            None => Platform::inside(&lines, gateway, mcp_server, internal).await?,
            Some(replicas) => {
                drop(internal);
                let origin = Origin {
                    lab_program: config.lab_program.clone(),
                    programs: config.programs.clone(),
                    log_file: config.log_file.clone(),
                    lines,
                };
                Platform::Children(Children::start(&origin, replicas, gateway, mcp_server)?)
            }
        };
        let endpoints = Endpoints {
            webhook_url: webhook.url,
            webhook_secret,
            internal_url: internal_url.map(|address| format!("http://{address}")),
            github_url: github.url().to_owned(),
            github_api_url: github.url().to_owned(),
            github_key: std::fs::read_to_string(&files.github_key)?,
            model_url: model.url(),
            kubeconfig: cluster.kubeconfig_path().to_owned(),
            database_url,
            master_key_file: files.master_key.clone(),
            isolation: format!("{:?}", cluster.isolation()),
            login_url: format!("{gateway_url}/login"),
            public_mcp_url: format!("{gateway_url}/mcp"),
            gateway_url,
            mcp_url,
            settings: Settings {
                replicas: config.replicas,
                model_url: config.model.as_ref().map(|model| model.url.clone()),
                model_key_file: config.model.as_ref().map(|model| model.key_file.clone()),
            },
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
            _lock: lock,
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

    /// Ends the database's server in order and starts it again.
    ///
    /// # Errors
    ///
    /// The database is not ours, or does not come back.
    pub async fn restart_database(&mut self) -> anyhow::Result<()> {
        let server = self.take_server()?;
        tokio::task::spawn_blocking(move || server.stop()).await??;
        self.database = Some(open_database(&self.config).await?);
        Ok(())
    }

    /// Kills the database's server, as a crash would, and starts it again: it recovers.
    ///
    /// # Errors
    ///
    /// The database is not ours, or does not come back.
    pub async fn kill_database(&mut self) -> anyhow::Result<()> {
        let server = self.take_server()?;
        let pid = Pid::from_raw(i32::try_from(server.pid())?);
        kill(pid, Signal::SIGKILL).context("killing the database")?;
        tokio::task::spawn_blocking(move || drop(server)).await?;
        // Its children see that it died, and end; until then a new server may not begin.
        let began = Instant::now();
        self.database = loop {
            match open_database(&self.config).await {
                Ok(database) => break Some(database),
                Err(error) if began.elapsed() > DATABASE_RECOVERS => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        };
        Ok(())
    }

    fn take_server(&mut self) -> anyhow::Result<Postgres> {
        match self.database.take() {
            Some(Database::Embedded(server)) => Ok(server),
            other => {
                self.database = other;
                bail!("the database is not the lab's own")
            }
        }
    }

    /// Ends the programs alone; of children, answers how each ended.
    pub async fn stop_programs(&mut self) -> Vec<(Program, Option<ExitStatus>)> {
        match self.platform.take() {
            Some(platform) => platform.stop().await,
            None => Vec::new(),
        }
    }

    /// Ends everything in order: programs, pods, simulators, database.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for (program, ended) in self.stop_programs().await {
            if let Some(status) = ended.filter(|status| !status.success()) {
                tracing::warn!(program = program.as_str(), %status, "a program did not end in order");
            }
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
    edge_key: PathBuf,
    client_secret: PathBuf,
    webhook_secret: PathBuf,
    app_key: PathBuf,
    model_key: PathBuf,
    github_key: PathBuf,
}

impl Files {
    /// The same database, under the role of one program.
    fn url_of(&self, program: postgres::Program) -> PathBuf {
        self.database_url
            .with_file_name(format!("database-url-{program}"))
    }

    fn at(dir: &Path) -> anyhow::Result<Self> {
        let dir = dir.join("secrets");
        private_dir(&dir)?;
        let files = Self {
            database_url: dir.join("database-url"),
            master_key: dir.join("master-key"),
            edge_key: dir.join("edge-key"),
            client_secret: dir.join("github-client-secret"),
            webhook_secret: dir.join("webhook-secret"),
            app_key: dir.join("app-key.pem"),
            model_key: dir.join("model-key"),
            github_key: dir.join("github-key"),
        };
        secret(&files.master_key, || MasterKey::generate().encode())?;
        secret(&files.edge_key, || EdgeKey::generate().encode())?;
        secret(&files.client_secret, random)?;
        secret(&files.webhook_secret, random)?;
        secret(&files.model_key, random)?;
        secret(&files.github_key, random)?;
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

async fn start_github(
    config: &LabConfig,
    files: &Files,
    webhook: Webhook,
    gateway_url: &str,
) -> anyhow::Result<GithubSim> {
    let key_file = files.app_key.clone();
    let key = tokio::task::spawn_blocking(move || AppKey::load_or_generate(&key_file)).await??;
    let github = GithubSim::start(github_sim::Config {
        listen: config.address(Place::Github),
        data_dir: config.dir.join("github"),
        app: AppSeed {
            client_secret: std::fs::read_to_string(&files.client_secret)?,
            callback_urls: vec![format!("{gateway_url}/login/callback")],
            ..AppSeed::new(key)
        },
        webhook: Some(webhook),
        keep_state: true,
        control_key: Some(std::fs::read_to_string(&files.github_key)?),
        webhooks_at_once: WEBHOOKS_AT_ONCE,
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
    for cli in Cli::ALL {
        binds.push(cli.show(&config.dir)?);
    }
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
fn refuse_unsafe(config: &LabConfig, isolation: Isolation, why: Option<&str>) -> anyhow::Result<()> {
    if isolation == Isolation::None && config.model.is_some() && !config.unsafe_without_isolation {
        bail!(
            "NO ISOLATION: this host does not let the lab keep an agent apart ({}); a real model could read your files. \
             Use the scripted model, or set LAB_UNSAFE=1",
            why.unwrap_or("no reason is known")
        );
    }
    Ok(())
}

/// Where the two doors are.
struct Public<'a> {
    gateway_url: &'a str,
    mcp_url: &'a str,
}

fn command_lines(
    files: &Files,
    github: &GithubSim,
    cluster: &ClusterSim,
    Public { gateway_url, mcp_url }: &Public<'_>,
    (model_key_file, model_url): (&Path, &str),
) -> anyhow::Result<CommandLines> {
    let common = |program| -> Vec<OsString> {
        vec![
            "--database-url-file".into(),
            files.url_of(program).into(),
            "--internal-listen".into(),
            // As children; inside the lab one port serves all.
            "127.0.0.1:0".into(),
            "--log-format".into(),
            "text".into(),
        ]
    };
    let app = AppSeed::new(AppKey::load_or_generate(&files.app_key)?);
    let mut gateway = common(postgres::Program::Gateway);
    for (flag, value) in [
        ("--webhook-secret-file", OsString::from(&files.webhook_secret)),
        ("--edge-key-file", OsString::from(&files.edge_key)),
        ("--public-url", gateway_url.into()),
        ("--mcp-upstream", mcp_url.trim_end_matches("/mcp").into()),
        // Nothing beyond this machine is reached: clients register themselves.
        ("--oauth-document-host", OsString::new()),
        ("--github-web-url", github.url().into()),
        ("--github-api-url", github.url().into()),
        ("--github-client-id", app.client_id.clone().into()),
        (
            "--github-client-secret-file",
            OsString::from(&files.client_secret),
        ),
    ] {
        gateway.extend([flag.into(), value]);
    }
    let with_key = |program| {
        let mut line = common(program);
        line.extend(["--master-key-file".into(), files.master_key.clone().into()]);
        line
    };
    let mut mcp_server = with_key(postgres::Program::McpServer);
    mcp_server.extend(["--resource".into(), mcp_url.into()]);
    mcp_server.extend(["--public-resource".into(), format!("{gateway_url}/mcp").into()]);
    let mut worker = with_key(postgres::Program::Worker);
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
        ("--model-key-host", model_url.into()),
    ] {
        worker.extend([flag.into(), value]);
    }
    Ok(CommandLines {
        gateway,
        mcp_server,
        worker,
    })
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
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), up)
            .await
            .with_context(|| format!("{url} did not answer within 30 s; look at the log"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orchestrator::agent::Api;

    use crate::config::RealModel;

    fn config(model: Option<RealModel>, unsafe_without_isolation: bool) -> LabConfig {
        LabConfig {
            dir: PathBuf::new(),
            port: 0,
            database_url: None,
            replicas: None,
            model,
            unsafe_without_isolation,
            throw_away: true,
            fault_file: None,
            lab_program: PathBuf::new(),
            runner_program: PathBuf::new(),
            programs: None,
            calls_per_second: None,
            console: None,
            log_file: None,
            local_embedder: false,
        }
    }

    #[test]
    fn a_real_model_works_only_where_its_agent_is_kept_apart_or_by_wish() {
        let real = || {
            Some(RealModel {
                url: "https://model.example/v1".into(),
                api: Api::default(),
                key_file: PathBuf::new(),
                name: "m".into(),
            })
        };
        let refused = |config, isolation| refuse_unsafe(&config, isolation, Some("no namespaces"));
        let error = refused(config(real(), false), Isolation::None).expect_err("unsafe");
        let text = error.to_string();
        assert!(
            text.contains("NO ISOLATION") && text.contains("no namespaces") && text.contains("LAB_UNSAFE=1")
        );
        refused(config(real(), true), Isolation::None).expect("by wish");
        refused(config(None, false), Isolation::None).expect("the scripted model does no harm");
        refused(config(real(), false), Isolation::OneUser).expect("kept apart");
    }
}
