//! Webhooks: everybody gets the same body, in turn.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use lab::{Lab, Program};

use super::database::{BESIDE, PLATFORM, Server};
use super::limits::{self, Insert, each_us};
use super::load;
use super::payload::Payload;
use super::peer::Peer;
use super::process;
use super::results::{Contender, Ingestion, Processing, Round, Who};

/// Before the rounds, so that connections are open and Node has compiled what is hot.
const WARM_UP: Duration = Duration::from_secs(1);
/// Between rounds, so that what one left to the database is not the next one's.
const PAUSE: Duration = Duration::from_millis(300);
const HMAC_ROUND: Duration = Duration::from_secs(1);
/// The longest time the worker is watched at its work.
const PROCESSING: Duration = Duration::from_secs(12);
const KIB_PER_MIB: f64 = 1_024.0;

/// Those who take part, running.
pub(super) struct Field<'a> {
    pub(super) lab: &'a Lab,
    pub(super) server: &'a Server,
    pub(super) in_memory: &'a Peer,
    pub(super) durable: &'a Peer,
    pub(super) scratch: PathBuf,
    pub(super) rounds: usize,
    pub(super) round: Duration,
}

impl Field<'_> {
    /// Alternates between all contenders, in reverse order every second round: none has the quiet minute to itself.
    pub(super) async fn receive(&self, payload: &Payload) -> anyhow::Result<Ingestion> {
        let insert = Insert::prepare(self.server, payload, &self.scratch).await?;
        let mut contenders = Vec::new();
        for who in Who::ALL {
            self.turn(who, &insert, payload, WARM_UP).await?;
            contenders.push(Contender {
                who,
                rounds: Vec::new(),
                rss_mib: None,
            });
        }
        let stored = self.stored().await?;
        for round in 0..self.rounds {
            eprintln!(
                "  {} bytes, round {} of {}",
                payload.body.len(),
                round + 1,
                self.rounds
            );
            for turn in 0..contenders.len() {
                let index = if round % 2 == 0 {
                    turn
                } else {
                    contenders.len() - 1 - turn
                };
                let contender = &mut contenders[index];
                contender
                    .rounds
                    .push(self.turn(contender.who, &insert, payload, self.round).await?);
                tokio::time::sleep(PAUSE).await;
            }
        }
        for contender in &mut contenders {
            if let Some(pid) = self.pid(contender.who)? {
                contender.rss_mib = Some(rss_mib(pid)?);
            }
        }
        let ingestion = Ingestion {
            body_bytes: payload.body.len(),
            contenders,
        };
        self.prove_stored(&ingestion, stored).await?;
        Ok(ingestion)
    }

    async fn turn(
        &self,
        who: Who,
        insert: &Insert,
        payload: &Payload,
        during: Duration,
    ) -> anyhow::Result<Round> {
        match who {
            Who::HmacAlone => {
                let secret = self.lab.endpoints.webhook_secret.clone();
                limits::hmac(secret, payload.clone(), during.min(HMAC_ROUND)).await
            }
            Who::InsertAlone => insert.round(self.server, during).await,
            Who::PeerInMemory => self.posts(who, &self.in_memory.url, payload, during).await,
            Who::PeerDurable => self.posts(who, &self.durable.url, payload, during).await,
            Who::Gateway => {
                self.posts(who, &self.lab.endpoints.webhook_url, payload, during)
                    .await
            }
        }
    }

    async fn posts(&self, who: Who, url: &str, payload: &Payload, during: Duration) -> anyhow::Result<Round> {
        let pids: Vec<u32> = self.pid(who)?.into_iter().collect();
        let before = (process::cpu(&pids)?, process::cpu_of_tree(self.server.pid())?);
        let load = load::post(url, payload, during).await?;
        let server = process::cpu(&pids)?.saturating_sub(before.0);
        let database = process::cpu_of_tree(self.server.pid())?.saturating_sub(before.1);
        Ok(Round {
            requests: load.requests,
            seconds: load.seconds,
            milliseconds: Some(load.milliseconds),
            server_us: Some(each_us(server, load.requests)),
            database_us: (who != Who::PeerInMemory).then(|| each_us(database, load.requests)),
        })
    }

    fn pid(&self, who: Who) -> anyhow::Result<Option<u32>> {
        Ok(match who {
            Who::HmacAlone | Who::InsertAlone => None,
            Who::PeerInMemory => Some(self.in_memory.pid()?),
            Who::PeerDurable => Some(self.durable.pid()?),
            Who::Gateway => self.lab.pids(Program::Gateway).first().copied(),
        })
    }

    /// Rows of the durable peer, and of ours.
    async fn stored(&self) -> anyhow::Result<[u64; 2]> {
        Ok([
            self.server.count(BESIDE, "peer_deliveries").await?,
            self.server.count(PLATFORM, "deliveries").await?,
        ])
    }

    /// What was answered with success must be there.
    async fn prove_stored(&self, ingestion: &Ingestion, before: [u64; 2]) -> anyhow::Result<()> {
        let now = self.stored().await?;
        for (index, who) in [Who::PeerDurable, Who::Gateway].into_iter().enumerate() {
            let accepted: u64 = ingestion.rounds(who).iter().map(|round| round.requests).sum();
            let stored = now[index] - before[index];
            ensure!(
                stored == accepted,
                "{who:?} accepted {accepted} deliveries and stored {stored}"
            );
        }
        Ok(())
    }

    /// Watches the worker work off what has gathered.
    pub(super) async fn process(&self) -> anyhow::Result<Processing> {
        let workers = self.lab.pids(Program::Worker);
        let done = "deliveries WHERE processed_at IS NOT NULL";
        let left = "deliveries WHERE processed_at IS NULL";
        let before = self.server.count(PLATFORM, done).await?;
        let cpu = (process::cpu(&workers)?, process::cpu_of_tree(self.server.pid())?);
        let began = Instant::now();
        while began.elapsed() < PROCESSING && self.server.count(PLATFORM, left).await? > 0 {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let worker = process::cpu(&workers)?.saturating_sub(cpu.0);
        let database = process::cpu_of_tree(self.server.pid())?.saturating_sub(cpu.1);
        let seconds = began.elapsed().as_secs_f64();
        let deliveries = self.server.count(PLATFORM, done).await? - before;
        Ok(Processing {
            deliveries,
            seconds,
            worker_us: each_us(worker, deliveries),
            database_us: each_us(database, deliveries),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 KiB")]
pub(super) fn rss_mib(pid: u32) -> anyhow::Result<f64> {
    Ok(process::rss_kib(pid)? as f64 / KIB_PER_MIB)
}
