//! What effects ask the worker to do later.

use serde::{Deserialize, Serialize};

use crate::id::EffectId;
use crate::queue::{Job, Queue};

/// Makes an outward write true at the code host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplyEffect {
    pub effect_id: EffectId,
}

impl Job for ApplyEffect {
    const NAME: &'static str = "effect.apply";
    const QUEUE: Queue = Queue::Outward;
    const MAX_ATTEMPTS: i32 = 100;
}
