use serde::{Deserialize, Serialize};

use crate::world::Outgoing;

/// A fault that waits for deliveries that fit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliveryFault {
    /// `issues`, `push`...; any when absent.
    #[serde(default)]
    pub event: Option<String>,
    #[serde(default)]
    pub action: Option<String>,
    /// How many deliveries it hits.
    #[serde(default = "one")]
    pub count: u32,
    #[serde(flatten)]
    pub effect: DeliveryEffect,
}

fn one() -> u32 {
    1
}

impl DeliveryFault {
    /// Hits the next delivery of this event and action once.
    pub fn once(event: &str, action: &str, effect: DeliveryEffect) -> Self {
        Self {
            event: Some(event.to_owned()),
            action: Some(action.to_owned()),
            count: 1,
            effect,
        }
    }
}

/// What happens to a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeliveryEffect {
    /// Sent twice under one GUID.
    Duplicate,
    /// Sent after the one that follows it, or after five seconds.
    Reorder,
    Delay {
        milliseconds: u64,
    },
    /// Never sent, and listed as failed.
    Drop,
    /// Signed with another secret.
    ForgedSignature,
    /// Not signed at all.
    Unsigned,
    /// Signed the old way only, correctly.
    Sha1Only,
    /// Carries an action that no documentation names.
    UnknownAction,
    /// Sent as a form, which the webhook's settings would allow.
    FormEncoded,
}

/// The delivery faults that are armed.
#[derive(Debug, Default)]
pub(crate) struct DeliveryFaults {
    armed: Vec<DeliveryFault>,
}

impl DeliveryFaults {
    pub(crate) fn add(&mut self, fault: DeliveryFault) {
        self.armed.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn list(&self) -> &[DeliveryFault] {
        &self.armed
    }

    /// Takes the effect of the first fault that fits. A redelivery is a person's doing and is never hit.
    pub(crate) fn take(&mut self, outgoing: &Outgoing) -> Option<DeliveryEffect> {
        if outgoing.redelivery {
            return None;
        }
        let at = self.armed.iter().position(|fault| {
            fault.event.as_ref().is_none_or(|event| *event == outgoing.event)
                && fault
                    .action
                    .as_ref()
                    .is_none_or(|action| Some(action.as_str()) == outgoing.action())
        })?;
        let fault = &mut self.armed[at];
        fault.count = fault.count.saturating_sub(1);
        let effect = fault.effect.clone();
        if fault.count == 0 {
            self.armed.remove(at);
        }
        Some(effect)
    }
}
