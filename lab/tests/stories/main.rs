//! Stories of the whole platform: each in a lab of its own, through its real doors.

mod kit;

mod claude;
mod codex;
mod commands;
mod deliveries;
mod environment;
mod explain;
mod hostile;
#[cfg(feature = "faults")]
mod kill_index;
#[cfg(feature = "faults")]
mod kill_points;
mod killed_replicas;
mod logins;
mod main_job;
mod memberships;
mod memory;
mod payloads;
mod restart;
mod revise;
mod sign_in;
mod two_replicas;
