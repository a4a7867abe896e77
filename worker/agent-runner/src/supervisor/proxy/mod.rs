//! The two loopback proxies: what the agent's program reaches the world through, without holding a credential.
//!
//! Each listens on an ephemeral port of the loopback, under a path nobody can guess; both are told to the program alone.

mod asked;
mod forward;
mod mcp;
mod model;
mod serve;
#[cfg(test)]
mod tests;
mod usage;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use contract::runner::Model;
use http::HeaderValue;
use secrecy::SecretString;
use tokio::task::JoinSet;
use url::Url;

use self::serve::serve;
use super::tokens::Tokens;
use super::usage::{Meter, Spent};

/// Where the agent's program finds the platform and its model, for as long as this lives.
pub(crate) struct Proxies {
    pub(crate) mcp_url: String,
    pub(crate) model_url: Option<String>,
    /// The unguessable words in the addresses, to keep out of the log.
    pub(crate) secrets: Vec<String>,
    pub(crate) facts: Facts,
    _serving: JoinSet<()>,
}

/// What the proxies are made from.
pub(crate) struct Upstreams {
    pub(crate) mcp_url: Url,
    pub(crate) tokens: Tokens,
    pub(crate) traceparent: Arc<OnceLock<HeaderValue>>,
    pub(crate) model: Option<(Model, Option<SecretString>)>,
    pub(crate) meter: Meter,
}

/// What the proxies saw that says why a program failed. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Facts(Arc<Seen>);

#[derive(Default)]
struct Seen {
    model: OnceLock<String>,
    budget: OnceLock<Spent>,
    platform: OnceLock<String>,
    /// The platform refused the agent's token when it was last asked.
    shut_out: AtomicBool,
}

impl Facts {
    /// The model's host did not accept the key.
    pub(crate) fn model_refused(&self) -> Option<&str> {
        self.0.model.get().map(String::as_str)
    }

    /// A call to the model was refused here because nothing more may be spent.
    pub(crate) fn budget_refused(&self) -> Option<&Spent> {
        self.0.budget.get()
    }

    /// Notes how the platform took the agent's token.
    fn answered(&self, refused: Option<String>) {
        self.0.shut_out.store(refused.is_some(), Ordering::Relaxed);
        if let Some(text) = refused {
            let _ = self.0.platform.set(text);
        }
    }

    /// The platform did not accept the agent's token.
    pub(crate) fn platform_refused(&self) -> Option<&str> {
        self.0.platform.get().map(String::as_str)
    }
}

impl Proxies {
    pub(crate) async fn start(upstreams: Upstreams) -> std::io::Result<Self> {
        let facts = Facts::default();
        let mut serving = JoinSet::new();
        let word = super::secret_word();
        let router = mcp::router(&word, &upstreams, facts.clone()).map_err(std::io::Error::other)?;
        let port = serve(router, &mut serving).await?;
        let mcp_url = format!("http://127.0.0.1:{port}/{word}/mcp");
        let mut secrets = vec![word];
        let model_url = match upstreams.model {
            None => None,
            Some((model, key)) => {
                let word = super::secret_word();
                let router = model::router(&word, model, key, upstreams.meter, facts.clone())
                    .map_err(std::io::Error::other)?;
                let port = serve(router, &mut serving).await?;
                let url = format!("http://127.0.0.1:{port}/{word}/v1");
                secrets.push(word);
                Some(url)
            }
        };
        Ok(Self {
            mcp_url,
            model_url,
            secrets,
            facts,
            _serving: serving,
        })
    }
}
