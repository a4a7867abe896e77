//! A scripted model: the Responses API and the Messages API over SSE, playing a script. Development only, on the loopback only.
//!
//! A real agent CLI cannot tell it from a model: it asks for tool calls, reads their results, and says a last word. Which
//! step comes next is read from the conversation (the number of tool results in it), so the simulator remembers nothing
//! between requests and any number of conversations run side by side.

mod api;
mod fault;
mod log;
mod messages;
mod responses;
mod script;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::fault::Fault;
pub use self::log::Request;
pub use self::script::{ModelScript, Scripts, Step, Usage};

/// What the simulator is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The key a request must show, as its API has it.
    pub key: String,
    pub scripts: Scripts,
}

/// A running simulator; it stops when dropped.
#[derive(Debug)]
pub struct ModelSim {
    address: SocketAddr,
    state: Arc<server::State>,
    serving: JoinHandle<()>,
}

impl ModelSim {
    /// # Errors
    ///
    /// An address that is not the loopback's, or in use.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let listen = config.listen;
        anyhow::ensure!(
            listen.ip().is_loopback(),
            "the scripted model listens on the loopback only, not on {listen}"
        );
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| anyhow::anyhow!("failed to listen on {listen}: {error}; choose another port"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(server::State::new(config.key, config.scripts));
        let router = server::router(state.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the scripted model ended");
            }
        });
        Ok(Self {
            address,
            state,
            serving,
        })
    }

    /// Base URL of both APIs, as a model catalogue names it.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What was asked so far, oldest first.
    pub fn log(&self) -> Vec<Request> {
        self.state.log()
    }

    /// Answers the next requests with these faults, one each.
    pub fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.inject(faults);
    }

    /// Stops answering.
    pub fn stop(self) {}
}

impl Drop for ModelSim {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
