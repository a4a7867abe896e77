//! Stories of the whole platform: each in a lab of its own, through its real doors.

mod kit;

mod codex;
mod hostile;
mod main_job;
mod restart;
