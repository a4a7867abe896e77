use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use orchestrator::agent::{self, Profile};
use orchestrator::credential::{self, EdgeKey, MasterKey, SealedBy, SigningKey};
use orchestrator::postgres::{self, Inspection};
use secrecy::ExposeSecret;
use url::Url;

use crate::memory::DatabaseFile;
use crate::probe;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    database: DatabaseFile,
    /// File that holds the master key
    #[arg(long, env = "CODEXK8S_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: PathBuf,
    /// File that holds the edge key, the one of the gateway
    #[arg(long, env = "CODEXK8S_EDGE_KEY_FILE", value_name = "FILE")]
    edge_key_file: PathBuf,
    /// The address of the tools inside the cluster, for which there must be a signing key
    #[arg(long, env = "CODEXK8S_AUDIENCE")]
    audience: Option<Url>,
    /// The address of the tools at the gateway, for which there must be a signing key
    #[arg(long, env = "CODEXK8S_PUBLIC_AUDIENCE")]
    public_audience: Option<Url>,
    /// The gateway's public address, to see whether it answers
    #[arg(long)]
    gateway_url: Option<String>,
    /// The address of `/mcp`, to see whether it answers
    #[arg(long)]
    mcp_url: Option<String>,
}

/// What was looked at: how it is, or what is wrong and how to mend it.
type Finding = (&'static str, Result<String, String>);

impl Doctor {
    /// Prints one line for each thing looked at; fails if one of them is wrong.
    pub(crate) async fn run(self) -> ExitCode {
        let mut findings = self.memory().await;
        if let Some(url) = &self.gateway_url {
            findings.push(("gateway", gateway(url).await));
        }
        if let Some(url) = &self.mcp_url {
            findings.push(("tools", tools(url).await));
        }
        let mut all_well = true;
        for (what, found) in findings {
            match found {
                Ok(how) => println!("ok    {what}: {how}"),
                Err(fix) => {
                    all_well = false;
                    println!("FAIL  {what}: {fix}");
                }
            }
        }
        if all_well {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// Each finding needs those before it.
    async fn memory(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let inspection = match self.inspect().await {
            Ok(inspection) => inspection,
            Err(fix) => return vec![("database", Err(fix))],
        };
        let Inspection {
            server,
            vector,
            pending,
        } = inspection;
        findings.push((
            "database",
            Ok(format!("PostgreSQL {server} with pgvector {vector}")),
        ));
        if pending.is_empty() {
            findings.push(("schema", Ok("up to date".into())));
        } else {
            let fix = format!(
                "{} migrations are not applied, first {}: run `codex-k8s migrate`",
                pending.len(),
                pending[0]
            );
            findings.push(("schema", Err(fix)));
            return findings;
        }
        let keys = (
            MasterKey::read(&self.master_key_file),
            EdgeKey::read(&self.edge_key_file),
        );
        match keys {
            (Ok(master_key), Ok(edge_key)) => findings.extend(self.content(master_key, edge_key).await),
            (master, edge) => {
                let of = |error: orchestrator::Error| Err(error.to_string());
                findings.extend(master.err().map(|error| ("master key", of(error))));
                findings.extend(edge.err().map(|error| ("edge key", of(error))));
            }
        }
        findings
    }

    async fn inspect(&self) -> Result<Inspection, String> {
        let url = self.database.url().map_err(|error| format!("{error:#}"))?;
        postgres::inspect(url.expose_secret())
            .await
            .map_err(|error| error.to_string())
    }

    /// Signing keys and profiles: what `init` made, and what became of it.
    async fn content(&self, master_key: MasterKey, edge_key: EdgeKey) -> Vec<Finding> {
        let looked = async {
            let orchestrator = self.database.open(master_key, Some(edge_key)).await?;
            let keys = credential::signing_keys(&orchestrator).await?;
            let mut tx = orchestrator.begin("cli.doctor").await?;
            let profiles = agent::list_profiles(&mut tx).await?;
            drop(tx);
            orchestrator.close().await;
            anyhow::Ok((keys, profiles))
        };
        let (keys, profiles) = match looked.await {
            Ok(looked) => looked,
            Err(error) => return vec![("signing keys", Err(format!("{error:#}")))],
        };
        let mut findings = vec![
            ("master key", opens(&keys, SealedBy::Master)),
            ("edge key", opens(&keys, SealedBy::Edge)),
        ];
        let audiences = [
            (&self.audience, SealedBy::Master, "--audience"),
            (&self.public_audience, SealedBy::Edge, "--public-audience"),
        ];
        for (audience, sealed_by, option) in audiences {
            if let Some(audience) = audience {
                findings.push(("signing key", signs(&keys, audience, sealed_by, option)));
            }
        }
        findings.push(("agents", agents(&profiles)));
        findings
    }
}

/// Whether a key file opens what was sealed under it.
fn opens(keys: &[SigningKey], sealed_by: SealedBy) -> Result<String, String> {
    let mine = || keys.iter().filter(|key| key.sealed_by == sealed_by);
    let closed: Vec<_> = mine()
        .filter(|key| !key.opens)
        .map(|key| key.kid.as_str())
        .collect();
    if closed.is_empty() {
        Ok(format!("opens {} signing keys", mine().count()))
    } else {
        Err(format!(
            "does not open {}: mount the {sealed_by} key they were sealed under",
            closed.join(", ")
        ))
    }
}

fn signs(keys: &[SigningKey], audience: &Url, sealed_by: SealedBy, option: &str) -> Result<String, String> {
    let found = keys.iter().find(|key| key.audience == audience.as_str());
    match found {
        Some(key) if key.sealed_by == sealed_by => Ok(format!("for {audience}")),
        Some(key) => Err(format!(
            "the one for {audience} is sealed under the {} key: the two addresses must differ",
            key.sealed_by
        )),
        None => Err(format!(
            "none for {audience}: run `codex-k8s init {option} {audience}`"
        )),
    }
}

/// Whether a label can start anything.
fn agents(profiles: &[Profile]) -> Result<String, String> {
    let mut stages: Vec<_> = profiles
        .iter()
        .filter(|it| it.is_whole())
        .map(|it| it.stage.as_str())
        .collect();
    stages.dedup();
    if !stages.is_empty() {
        return Ok(format!("can work on {}", stages.join(", ")));
    }
    if profiles.is_empty() {
        return Err("there are no profiles: run `codex-k8s init`".to_owned());
    }
    Err(
        "no profile names a model: add one with `codex-k8s model`, and name it with `codex-k8s agent set dev --model`"
            .to_owned(),
    )
}

async fn gateway(url: &str) -> Result<String, String> {
    let health = format!("{}/healthz", url.trim_end_matches('/'));
    match probe::status(&health).await {
        Ok(200) => Ok(format!("{health} answers")),
        Ok(status) => Err(format!(
            "{health} answers {status}: look at the ingress and the gateway's log"
        )),
        Err(error) => Err(format!(
            "{health}: {error:#}: look at the ingress and the gateway's pods"
        )),
    }
}

/// Without a token the tools answer 401; that proves that it is they who answer.
async fn tools(url: &str) -> Result<String, String> {
    match probe::status(url).await {
        Ok(401) => Ok(format!("{url} answers")),
        Ok(status) => Err(format!(
            "{url} answers {status} where 401 is due: is it the address of /mcp, and its host an allowed one?"
        )),
        Err(error) => Err(format!("{url}: {error:#}: look at the mcp-server's pods")),
    }
}
