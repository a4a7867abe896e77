//! Stories of the whole platform: each in a lab of its own, through its real doors.

mod kit;

mod codex;
mod commands;
mod deliveries;
mod explain;
mod hostile;
#[cfg(feature = "faults")]
mod kill_points;
mod killed_replicas;
mod main_job;
mod memory;
mod payloads;
mod restart;
mod sign_in;
mod two_replicas;
