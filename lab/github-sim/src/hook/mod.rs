//! Sending events to the App's webhook as GitHub does: signed, one attempt, ten seconds, kept in a list.

mod fault;
mod send;
mod sender;
mod sign;

pub(crate) use self::fault::DeliveryFaults;
pub use self::fault::{DeliveryEffect, DeliveryFault};
pub(crate) use self::sender::Sender;
