//! How fast it could be at best on this machine, in this run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::process::Command;

use super::database::{BESIDE, Server, output};
use super::load::CONNECTIONS;
use super::payload::{Payload, digest};
use super::process;
use super::results::Round;
use super::spread::Percentiles;

/// Checks the signature over and over, on one core.
pub(super) async fn hmac(secret: String, payload: Payload, during: Duration) -> anyhow::Result<Round> {
    tokio::task::spawn_blocking(move || {
        // The rest of this process only waits meanwhile.
        let me = [std::process::id()];
        let (before, began) = (process::cpu(&me)?, Instant::now());
        let mut requests = 0;
        while began.elapsed() < during {
            std::hint::black_box(digest(secret.as_bytes(), &payload.body));
            requests += 1;
        }
        Ok(Round {
            requests,
            seconds: began.elapsed().as_secs_f64(),
            milliseconds: None,
            server_us: Some(each_us(process::cpu(&me)?.saturating_sub(before), requests)),
            database_us: None,
        })
    })
    .await?
}

/// One row and one commit, by `pgbench`: the statement is prepared with the body in it, so nothing is even sent.
pub(super) struct Insert {
    script: Script,
}

/// A script of `pgbench`.
pub(super) struct Script {
    file: PathBuf,
    folder: PathBuf,
}

impl Insert {
    pub(super) async fn prepare(server: &Server, payload: &Payload, folder: &Path) -> anyhow::Result<Self> {
        let table =
            "CREATE TABLE IF NOT EXISTS limit_deliveries (guid uuid PRIMARY KEY, body bytea NOT NULL)";
        server.ask(BESIDE, table).await?;
        let statement = format!(
            "INSERT INTO limit_deliveries (guid, body) VALUES (gen_random_uuid(), '\\x{}');\n",
            hex::encode(&payload.body)
        );
        let script = Script::new(folder, &format!("insert-{}", payload.body.len()), &statement)?;
        Ok(Self { script })
    }

    pub(super) async fn round(&self, server: &Server, during: Duration) -> anyhow::Result<Round> {
        self.script.round(server, BESIDE, during).await
    }
}

impl Script {
    pub(super) fn new(folder: &Path, name: &str, statements: &str) -> anyhow::Result<Self> {
        let file = folder.join(format!("{name}.sql"));
        std::fs::write(&file, statements).with_context(|| format!("writing {}", file.display()))?;
        Ok(Self {
            file,
            folder: folder.to_owned(),
        })
    }

    /// Runs it over as many connections as everybody has.
    pub(super) async fn round(
        &self,
        server: &Server,
        database: &str,
        during: Duration,
    ) -> anyhow::Result<Round> {
        let log = self.folder.join("pgbench");
        let mut pgbench = Command::new(server.program("pgbench")?);
        pgbench
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--log"])
            .arg(format!("--client={CONNECTIONS}"))
            .arg(format!("--time={}", during.as_secs().max(1)))
            .arg(format!("--log-prefix={}", log.display()))
            .arg(format!("--file={}", self.file.display()))
            .arg(server.url(database));
        let (before, began) = (process::cpu_of_tree(server.pid())?, Instant::now());
        output(pgbench).await?;
        let (cpu, seconds) = (
            process::cpu_of_tree(server.pid())?.saturating_sub(before),
            began.elapsed(),
        );
        let milliseconds = self.latencies()?;
        let requests = u64::try_from(milliseconds.len())?;
        Ok(Round {
            requests,
            seconds: seconds.as_secs_f64(),
            milliseconds: Percentiles::of(milliseconds),
            server_us: None,
            database_us: Some(each_us(cpu, requests)),
        })
    }

    /// Reads `pgbench`'s log, where the third field of a line is a transaction's length in microseconds.
    fn latencies(&self) -> anyhow::Result<Vec<f64>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let file = entry?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with("pgbench.") {
                continue;
            }
            for line in std::fs::read_to_string(&file)?.lines() {
                let microseconds: f64 = line
                    .split(' ')
                    .nth(2)
                    .and_then(|field| field.parse().ok())
                    .with_context(|| format!("a line of pgbench's log is unlike the others: {line}"))?;
                all.push(microseconds / 1_000.0);
            }
            std::fs::remove_file(&file)?;
        }
        Ok(all)
    }
}

/// CPU for each of `count`, in microseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a round has far fewer than 2^52 requests"
)]
pub(super) fn each_us(cpu: Duration, count: u64) -> f64 {
    cpu.as_secs_f64() * 1_000_000.0 / count.max(1) as f64
}
