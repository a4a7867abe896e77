//! The jobs, performed: one file per context, the same name as where the job is declared.

mod delivery;
mod effect;
mod failure;
mod knowledge;
mod port_call;
mod run;

pub use knowledge::{Read, read};
use orchestrator::error::Result;
use orchestrator::queue::Performers;

use crate::Hands;

/// Every job this worker can do.
pub(crate) fn performers(hands: &Hands) -> Result<Performers> {
    let mut performers = Performers::default();
    performers.add::<orchestrator::delivery::jobs::ProcessDelivery>(hands.clone())?;
    performers.add::<orchestrator::run::jobs::StartRunner>(hands.clone())?;
    performers.add::<orchestrator::run::jobs::StopRunner>(hands.clone())?;
    performers.add::<orchestrator::run::jobs::Finalise>(hands.clone())?;
    performers.add::<orchestrator::effect::jobs::ApplyEffect>(hands.clone())?;
    performers.add::<orchestrator::port_call::jobs::AnswerPortCall>(hands.clone())?;
    performers.add::<orchestrator::knowledge::jobs::IndexSource>(hands.clone())?;
    performers.add::<orchestrator::knowledge::jobs::EmbedChunks>(hands.clone())?;
    performers.add::<orchestrator::knowledge::jobs::ForgetSource>(hands.clone())?;
    Ok(performers)
}
