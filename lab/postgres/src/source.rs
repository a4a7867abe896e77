//! The choice between a database that is given and a server of our own.

use secrecy::{ExposeSecret, SecretString};

use crate::{Options, Postgres, Result};

/// Where a program's database comes from.
pub enum Source {
    /// A database that someone else runs (`DATABASE_URL`). Its version is checked by whoever connects.
    Url(SecretString),
    Embedded(Options),
}

/// A database that can be connected to. Dropping it stops the server, if it is ours.
pub enum Database {
    Given(SecretString),
    Embedded(Postgres),
}

impl Source {
    /// Starts the embedded server, or passes the given URL on.
    pub fn open(self) -> Result<Database> {
        match self {
            Self::Url(url) => Ok(Database::Given(url)),
            Self::Embedded(options) => Postgres::start(&options).map(Database::Embedded),
        }
    }
}

impl Database {
    /// Returns the URL to connect to; a given URL names its own database, so `name` counts for the embedded server only.
    pub fn url(&self, name: &str) -> SecretString {
        match self {
            Self::Given(url) => url.expose_secret().into(),
            Self::Embedded(postgres) => postgres.url(name).into(),
        }
    }
}
