//! The server with fixtures, as deployed or with sessions, and the deployed server beside it.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::HeaderValue;
use jiff::SignedDuration;
use mcp_server::Config;
use mcp_server::conformance::{self, Sessions};
use orchestrator::actor::Role;
use orchestrator::id::TokenId;
use orchestrator::run::jobs::StartRunner;
use orchestrator::testing::{AUDIENCE, Seeded, TestDb, seed};
use orchestrator::{Orchestrator, credential, run};
use secrecy::ExposeSecret;
use telemetry::Shutdown;
use tokio::net::TcpListener;

pub(crate) struct World {
    pub(crate) db: TestDb,
    pub(crate) orchestrator: Orchestrator,
    pub(crate) shop: Seeded,
    shutdown: Shutdown,
}

impl World {
    pub(crate) async fn new() -> Self {
        let db = TestDb::new().await;
        let orchestrator = db.orchestrator().await;
        let shop = seed(&orchestrator, "shop", 1, 4).await.expect("a project");
        shop.start(&orchestrator, Some(1)).await.expect("a run");
        Self {
            db,
            orchestrator,
            shop,
            shutdown: Shutdown::new(),
        }
    }

    pub(crate) async fn staff_token(&self, role: Role) -> String {
        let expires_at = self.orchestrator.clock().now() + SignedDuration::from_hours(1);
        let project_id = self.shop.project_id;
        let issued = credential::issue_service_token(
            &self.orchestrator,
            AUDIENCE,
            project_id,
            "suite",
            role,
            expires_at,
        );
        issued.await.expect("a token").token.expose_secret().to_owned()
    }

    /// The tokens of a turn: supervisor, agent.
    pub(crate) async fn run_tokens(&self) -> [String; 2] {
        let run_id = run::admit_next(&self.orchestrator).await.expect("admission");
        let run_id = run_id.expect("a run that waits");
        let actor = orchestrator::actor::Actor::System("test");
        let run = run::get(&self.orchestrator, &actor, run_id)
            .await
            .expect("the run");
        let job = StartRunner {
            run_id,
            turn: run.turn,
            fence: run.fence,
        };
        let wanted = run::want_pod(&self.orchestrator, AUDIENCE, &job, None).await;
        let tokens = wanted.expect("a pod").tokens;
        [self.sign(tokens.supervisor).await, self.sign(tokens.agent).await]
    }

    async fn sign(&self, jti: TokenId) -> String {
        let signed = credential::sign(&self.orchestrator, jti).await.expect("a token");
        signed.token.expose_secret().to_owned()
    }

    /// Serves with fixtures; the address of the endpoint.
    pub(crate) async fn with_fixtures(&self, sessions: Sessions) -> String {
        let (listener, address) = listen().await;
        let token = self.staff_token(Role::Admin).await;
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
        let config = config(address);
        let router = conformance::router(&config, &self.orchestrator, &self.shutdown, sessions, bearer);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move { shutdown.token().cancelled().await })
                .await
        });
        format!("http://{address}/mcp")
    }

    /// Serves as deployed; the address of the endpoint.
    pub(crate) async fn as_deployed(&self) -> String {
        let (listener, address) = listen().await;
        let serve = mcp_server::serve(
            config(address),
            self.orchestrator.clone(),
            listener,
            self.shutdown.clone(),
        );
        tokio::spawn(serve);
        format!("http://{address}/mcp")
    }

    pub(crate) async fn done(self) {
        self.shutdown.begin();
        self.db.done().await;
    }
}

fn config(address: SocketAddr) -> Config {
    let mut config = Config::new(AUDIENCE.parse().expect("an address"));
    config.allowed_origins = ["127.0.0.1", "localhost"]
        .map(|host| format!("http://{host}:{}", address.port()))
        .to_vec();
    config
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("a folder above").to_owned()
}
