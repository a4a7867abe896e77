//! The library's server, told what we allow.

use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use oauth_as::{AuthorizationServer, AuthorizationService, Clock, ServerConfig, ServiceBuilder};
use orchestrator::Orchestrator;
use orchestrator::identity::oauth::{ACCESS_TOKEN_LIFE, CODE_LIFE, REFRESH_TOKEN_LIFE, SCOPE, Store};
use std::sync::Arc;

use crate::site::Site;

pub(super) const AUTHORIZE: &str = "/authorize";
pub(super) const TOKEN: &str = "/token";
pub(super) const REVOKE: &str = "/revoke";
pub(super) const REGISTER: &str = "/register";
pub(super) const JWKS: &str = "/jwks";
/// The library wants one; no route leads there.
const NO_DEVICES: &str = "/device";

pub(super) type Server = AuthorizationServer<Store, OurClock>;
pub(super) type Service = AuthorizationService<Store, OurClock>;

/// The orchestrator's clock, which a test sets forward.
#[derive(Clone)]
pub(super) struct OurClock(orchestrator::Clock);

impl Clock for OurClock {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

pub(super) fn server(orchestrator: &Orchestrator, site: &Site, store: Store) -> Server {
    let clock = OurClock(orchestrator.clock().clone());
    AuthorizationServer::with_clock(config(site), store, clock)
}

/// The library's own endpoints; what clients call is passed on to it.
pub(super) fn service(orchestrator: &Orchestrator, site: &Site, store: Store) -> anyhow::Result<Service> {
    let server = Arc::new(server(orchestrator, site, store));
    // Consent is asked on our own page, so the library's never gets a subject.
    let service = ServiceBuilder::new(server)
        .with_subject_resolver(|_| None)
        .with_csrf_tokens(|_| None, |_| None)
        .build();
    service.map_err(|error| anyhow::anyhow!("the authorization server at {}: {error}", site.origin()))
}

fn config(site: &Site) -> ServerConfig {
    let mut config = ServerConfig::new(site.origin(), site.at(NO_DEVICES));
    config.authorization_endpoint = Some(site.at(AUTHORIZE));
    config.token_endpoint = Some(site.at(TOKEN));
    config.revocation_endpoint = Some(site.at(REVOKE));
    config.scopes_supported = Some(vec![SCOPE.to_owned()]);
    config.allowed_resources = Some(Box::new([site.audience().into()]));
    config.authorization_code_ttl = whole(CODE_LIFE);
    config.access_token_ttl = whole(ACCESS_TOKEN_LIFE);
    config.refresh_token_ttl = Some(whole(REFRESH_TOKEN_LIFE));
    config.refresh_reuse_window = whole(REFRESH_TOKEN_LIFE);
    config
}

fn whole(life: SignedDuration) -> Duration {
    life.unsigned_abs()
}
