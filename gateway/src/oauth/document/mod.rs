//! Clients whose id is the address of their own metadata (Client ID Metadata Documents): who may be asked, what is read
//! there, and for how long it is believed.

mod fetch;
mod public;
#[cfg(test)]
mod tests;

use std::fmt;

use axum::http::StatusCode;
use jiff::SignedDuration;
use oauth_as::{CimdPolicy, ClientIdUrl, GrantType, RegistrationConfig, ScopeSet, ValidatedClientIdDocument};
use orchestrator::identity::oauth::{self, NewClient, SCOPE, may_redirect_to};
use orchestrator::{Error, Orchestrator};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::{Host, Url};

use self::fetch::{Fetched, Fetcher};

/// Documents read at once; one more client is asked to come again.
const MAX_AT_ONCE: usize = 8;

/// Why a document is not believed.
#[derive(Debug)]
pub(super) enum Refused {
    /// The id is no address that is asked.
    Address(&'static str),
    /// Its host is not on the list.
    Host,
    /// It does not resolve to a public address alone.
    NotPublic,
    /// Nothing that could be used came within the time and size allowed.
    Unread(&'static str),
    /// What came is no description of this client.
    Document(String),
    Busy,
    Platform(Error),
}

impl Refused {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Platform(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unread(_) => StatusCode::BAD_GATEWAY,
            Self::Address(_) | Self::Host | Self::NotPublic | Self::Document(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(why) => write!(f, "Its client_id is no address of a description: {why}"),
            Self::Host => f.write_str("The host that describes it is not on this platform's list"),
            Self::NotPublic => f.write_str("The host that describes it has no public address"),
            Self::Unread(why) => write!(f, "Its description could not be read: {why}"),
            Self::Document(why) => write!(f, "Its description does not fit: {why}"),
            Self::Busy => f.write_str("Too many programs ask at once; try again in some seconds"),
            Self::Platform(error) => f.write_str(&error.told()),
        }
    }
}

/// Clients described by themselves.
pub(super) struct Documents {
    orchestrator: Orchestrator,
    hosts: Vec<String>,
    fetcher: Fetcher,
    places: Semaphore,
}

impl Documents {
    /// Whether there is a host whose descriptions are read.
    pub(super) fn are_read(&self) -> bool {
        !self.hosts.is_empty()
    }

    pub(super) fn new(orchestrator: Orchestrator, hosts: Vec<String>) -> Self {
        Self {
            orchestrator,
            hosts,
            fetcher: Fetcher::new(),
            places: Semaphore::new(MAX_AT_ONCE),
        }
    }

    /// Makes a client known by its document, unless it is and that is not old.
    ///
    /// # Errors
    ///
    /// The document is not to be had or does not fit; an old one is not believed then.
    pub(super) async fn ensure(&self, client_id: &str) -> Result<(), Refused> {
        let (id, host) = address(client_id, &self.hosts)?;
        let fresh = oauth::fresh_document(&self.orchestrator, id.as_str()).await;
        if fresh.map_err(Refused::Platform)? {
            return Ok(());
        }
        let _place = self.places.try_acquire().map_err(|_| Refused::Busy)?;
        let fetched = self.fetcher.fetch(&host, &id).await?;
        let wanted = read(&id, &fetched)?;
        let fresh_until = self.orchestrator.clock().now() + life(fetched.max_age);
        let kept = oauth::keep_document(&self.orchestrator, id.as_str(), wanted, fresh_until).await;
        kept.map_err(|error| match error {
            Error::Invalid(why) => Refused::Document(why),
            other => Refused::Platform(other),
        })
    }
}

/// The address, if it is one that may be asked: by the library's rules for such ids, and of a host on the list.
fn address(client_id: &str, hosts: &[String]) -> Result<(ClientIdUrl, String), Refused> {
    let id = ClientIdUrl::parse(client_id, &policy())
        .map_err(|_| Refused::Address("it is not a plain https address"))?;
    let url = Url::parse(client_id).map_err(|_| Refused::Address("it does not parse"))?;
    if url.as_str() != client_id || url.scheme() != "https" || url.port().is_some() {
        return Err(Refused::Address("it is not written in its plainest form"));
    }
    let Some(Host::Domain(host)) = url.host() else {
        return Err(Refused::Address("its host is no name"));
    };
    if !hosts.iter().any(|allowed| allowed == host) {
        return Err(Refused::Host);
    }
    Ok((id, host.to_owned()))
}

fn policy() -> CimdPolicy {
    let mut bounds = RegistrationConfig::new();
    bounds.allowed_grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    bounds.allowed_scopes = ScopeSet::parse(SCOPE).unwrap_or_else(|_| ScopeSet::empty());
    let mut policy = CimdPolicy::new();
    // Programs on a person's machine are described elsewhere; whose description counts is the list's to say.
    policy.redirect_uris_same_origin = false;
    policy.registration_bounds = bounds;
    policy
}

/// What the document says of its client. One address that will not do is no reason to refuse the others, nor a grant or
/// scope that is not ours: the client gets what there is.
fn read(id: &ClientIdUrl, fetched: &Fetched) -> Result<NewClient, Refused> {
    let mut document: Value =
        serde_json::from_slice(&fetched.body).map_err(|_| Refused::Document("it is no JSON".into()))?;
    let members = document.as_object_mut();
    let members = members.ok_or_else(|| Refused::Document("it is no object".into()))?;
    for unasked in ["grant_types", "response_types", "scope"] {
        members.remove(unasked);
    }
    if let Some(uris) = members.get_mut("redirect_uris").and_then(Value::as_array_mut) {
        uris.retain(|uri| uri.as_str().is_some_and(may_redirect_to));
    }
    members.insert(
        "grant_types".into(),
        json!(["authorization_code", "refresh_token"]),
    );
    let plain = serde_json::to_vec(&document).map_err(|_| Refused::Document("it is no JSON".into()))?;
    let validated = ValidatedClientIdDocument::validate(id, &plain, &policy());
    let client = validated
        .map_err(|error| Refused::Document(error.to_string()))?
        .to_client();
    Ok(NewClient {
        name: client.name,
        redirect_uris: client.redirect_uris,
    })
}

/// How long a document is believed: as its host says, within bounds.
fn life(max_age: Option<u64>) -> SignedDuration {
    let asked = max_age.map_or(SignedDuration::from_hours(1), |seconds| {
        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
    });
    asked.clamp(SignedDuration::from_mins(1), SignedDuration::from_hours(24))
}
