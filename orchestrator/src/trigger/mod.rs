//! The rules that turn an event into a run, or say why not. A pure decision: touches no network.
//!
//! Rules are data: the table `trigger_rules`, seeded per project. The first rule that matches decides; whether its act
//! may happen then depends on who sent the event, what may be done by them, and how the issue looks now.

mod domain;
#[cfg(feature = "postgres")]
mod manage;
mod reason;
mod rule;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;
mod trial;

pub use domain::{
    Binding, Decision, EFFORTS, Event, Facts, Head, HostFacts, IssueFacts, LABEL_PREFIX, LiveRun,
    MAX_CAUSE_DEPTH, Sender, SenderFacts, Start, Wants, decide,
};
#[cfg(feature = "postgres")]
pub use manage::{Asked, StoredRule, WantedRule, delete_rule, list_rules, set_rule, try_out};
pub use reason::{ConflictReason, IgnoreReason, Words};
pub use rule::{Act, Condition, Rule, Source, seeded};
#[cfg(feature = "postgres")]
pub use service::{rules, seed_rules};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
pub use trial::{MAX_RULES, Sample, Trial, check_rule, try_rules};
