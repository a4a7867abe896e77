//! What a lab is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use orchestrator::agent::Api;
use secrecy::SecretString;

/// How a lab is set up.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// Keeps the database, the repositories and the endpoints between two starts.
    pub dir: PathBuf,
    /// The first of [`PORTS`] ports in a row; 0 takes free ones.
    pub port: u16,
    /// A database somebody else runs, instead of the embedded one.
    pub database_url: Option<SecretString>,
    /// The programs as children of the lab, and how many of each; none keeps them in this process.
    pub replicas: Option<usize>,
    /// A real model instead of the scripted one.
    pub model: Option<RealModel>,
    /// Lets a real model work where the host allows no isolation.
    pub unsafe_without_isolation: bool,
    /// Forgets everything at the end, and does not wait for the disk: for tests.
    pub throw_away: bool,
    /// Arms fault points of workers that are children: for tests of a build with the feature `faults`.
    pub fault_file: Option<PathBuf>,
    /// The program `lab` itself: what children and containers are started from.
    pub lab_program: PathBuf,
    /// The program in the pod.
    pub runner_program: PathBuf,
    /// The folder of the programs as they are deployed, for children that are not this binary.
    pub programs: Option<PathBuf>,
    /// Calls of one caller per second, instead of what is usual.
    pub calls_per_second: Option<u32>,
    /// The folder of a built console, served at the platform's address.
    pub console: Option<PathBuf>,
    /// Takes what children say.
    pub log_file: Option<PathBuf>,
    /// Fetches the weights of the local embedding model, once and in the background, and lets it read; else search knows words
    /// alone.
    pub local_embedder: bool,
}

/// A model that costs money.
#[derive(Clone, Debug)]
pub struct RealModel {
    /// Base URL of its API.
    pub url: String,
    pub api: Api,
    pub key_file: PathBuf,
    pub name: String,
}

/// Ports a lab uses, from its first on.
pub(crate) const PORTS: u16 = 6;

/// What listens where.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Gateway,
    McpServer,
    Github,
    Model,
    Cluster,
    Internal,
}

impl LabConfig {
    pub(crate) fn address(&self, place: Place) -> SocketAddr {
        let port = if self.port == 0 {
            0
        } else {
            self.port + place as u16
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }
}
