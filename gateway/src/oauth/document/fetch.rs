//! Reading a document at an address that a stranger named: over TLS, from a public address that was looked up once, without
//! following anything, within a small size and a short time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, CACHE_CONTROL};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use oauth_as::{ClientIdUrl, MAX_CLIENT_ID_DOCUMENT_BYTES};
use reqwest::redirect::Policy;
use tokio::time::timeout;

use super::Refused;
use super::public::is_public;

/// From the look-up of the name to the last byte.
const DEADLINE: Duration = Duration::from_secs(5);

/// What was read.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    /// For how many seconds it may be kept, if its host says so.
    pub(super) max_age: Option<u64>,
}

pub(super) type Resolve = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Reads documents.
pub(super) struct Fetcher {
    resolve: Resolve,
    guard: fn(IpAddr) -> bool,
    scheme: &'static str,
    port: u16,
    deadline: Duration,
}

impl Fetcher {
    pub(super) fn new() -> Self {
        Self {
            resolve: Arc::new(|host| Box::pin(by_system(host))),
            guard: is_public,
            scheme: "https",
            port: 443,
            deadline: DEADLINE,
        }
    }

    /// Another one for a test: names lead where it says, without TLS and to its port.
    #[cfg(test)]
    pub(super) fn for_test(resolve: Resolve, guard: fn(IpAddr) -> bool, port: u16) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            resolve,
            guard,
            scheme: "http",
            port,
            deadline: Duration::from_millis(400),
        }
    }

    /// Reads the document of an id whose host is a name that may be asked.
    pub(super) async fn fetch(&self, host: &str, id: &ClientIdUrl) -> Result<Fetched, Refused> {
        let read = timeout(self.deadline, self.read(host, id)).await;
        read.unwrap_or(Err(Refused::Unread("it took too long")))
    }

    async fn read(&self, host: &str, id: &ClientIdUrl) -> Result<Fetched, Refused> {
        let addresses = self.addresses(host).await?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .https_only(self.scheme == "https")
            // The name is not looked up again: what was judged is what is asked.
            .resolve_to_addrs(host, &addresses)
            .build()
            .map_err(|_| Refused::Unread("no client"))?;
        let url = id.as_str().replacen("https", self.scheme, 1);
        let response = client.get(url).header(ACCEPT, "application/json").send().await;
        let response = response.map_err(|_| Refused::Unread("its host does not answer"))?;
        if response.status() != 200 {
            return Err(Refused::Unread("its host does not answer with it"));
        }
        let max_age = response
            .headers()
            .get(CACHE_CONTROL)
            .and_then(|value| value.to_str().ok())
            .and_then(max_age);
        let mut body = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(|_| Refused::Unread("it broke off"))?);
            if body.len() > MAX_CLIENT_ID_DOCUMENT_BYTES {
                return Err(Refused::Unread("it is too large"));
            }
        }
        Ok(Fetched { body, max_age })
    }

    /// Where the name leads; one address that is not public spoils them all.
    async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Refused> {
        let found = (self.resolve)(host.to_owned()).await;
        let found = found.map_err(|_| Refused::Unread("its host is not known"))?;
        if found.is_empty() || !found.iter().all(|address| (self.guard)(*address)) {
            return Err(Refused::NotPublic);
        }
        Ok(found
            .into_iter()
            .map(|address| SocketAddr::new(address, self.port))
            .collect())
    }
}

async fn by_system(host: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((host.as_str(), 443)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// For how long an answer may be kept (RFC 9111, section 5.2.2).
fn max_age(value: &str) -> Option<u64> {
    let directives = || {
        value
            .split(',')
            .map(|directive| directive.trim().to_ascii_lowercase())
    };
    if directives().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Some(0);
    }
    directives().find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok())
}
