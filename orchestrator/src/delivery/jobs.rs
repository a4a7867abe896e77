//! What the inbox asks the worker to do.

use serde::{Deserialize, Serialize};

use crate::id::DeliveryId;
use crate::queue::Job;

/// Makes a verdict of a delivery. One that is settled already is left alone.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ProcessDelivery {
    pub delivery_id: DeliveryId,
}

impl Job for ProcessDelivery {
    const NAME: &'static str = "delivery.process";
    /// About a day, with a minute in between: a code host that is away for an hour must not lose what people asked for.
    const MAX_ATTEMPTS: i32 = 1500;
}
