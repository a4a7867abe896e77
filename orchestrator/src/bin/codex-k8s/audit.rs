use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use orchestrator::Orchestrator;
use orchestrator::audit::{self, Chain, Head};

use crate::me;
use crate::memory::Memory;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Prints the signed end of every chain, one JSON per line; keep it where the platform cannot reach
    Heads(Heads),
    /// Proves that nobody changed the audit, or says where somebody did
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(crate) struct Heads {
    #[command(flatten)]
    memory: Memory,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    memory: Memory,
    /// What `codex-k8s audit heads` printed earlier: proves that nothing was cut off or made anew since
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
}

impl Audit {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Heads(it) => it.run().await,
            Self::Verify(it) => it.run().await,
        }
    }
}

impl Heads {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let mut after = None;
        loop {
            let page = audit::heads(&orchestrator, &me(), after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.chain());
            for head in &page {
                println!("{}", serde_json::to_string(head)?);
            }
        }
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<()> {
        let kept = match &self.heads {
            None => Vec::new(),
            Some(file) => read(file)?,
        };
        let orchestrator = self.memory.open().await?;
        let mut faults = 0;
        let mut after = None;
        loop {
            let page = audit::chains(&orchestrator, &me(), after).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for chain in page {
                faults += verify(&orchestrator, chain, &kept).await?;
            }
        }
        anyhow::ensure!(faults == 0, "the audit is not what it was: {faults} faults");
        Ok(())
    }
}

fn read(file: &PathBuf) -> anyhow::Result<Vec<Head>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let heads = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(serde_json::from_str);
    let heads: Result<_, _> = heads.collect();
    heads.with_context(|| format!("{} holds a line that is no head", file.display()))
}

/// Prints what a chain is like; answers how many faults it has.
async fn verify(orchestrator: &Orchestrator, chain: Chain, kept: &[Head]) -> anyhow::Result<usize> {
    let (mut after, mut faults) = (0, 0);
    loop {
        // Heads of a part that is over are not beyond the end of the next.
        let kept: Vec<_> = kept.iter().filter(|head| head.seq > after).cloned().collect();
        let part = audit::verify(orchestrator, &me(), chain.0, after, &kept).await?;
        for fault in &part.faults {
            let at = fault.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
            let entry = fault
                .audit_id
                .map(|id| format!(" (entry {id})"))
                .unwrap_or_default();
            println!("FAIL  {chain} at {at}: {}: {}{entry}", fault.kind, fault.what);
        }
        faults += part.faults.len();
        if part.complete || part.until == after {
            if faults == 0 {
                println!("ok    {chain}: {} entries", part.until);
            }
            return Ok(faults);
        }
        after = part.until;
    }
}
