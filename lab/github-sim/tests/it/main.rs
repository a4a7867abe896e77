//! The simulator over real HTTP and by the real git. One test per behaviour; each ends without a contract error.

mod app_auth;
mod checks;
mod contents;
mod contract;
mod control;
mod deliveries;
mod faults;
mod git;
mod issues;
mod login;
mod pages;
mod pulls;
mod requests;
mod snapshot;
mod support;
