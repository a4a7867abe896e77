//! A server on a port of its own, on a database of its own, and callers of every kind.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcp_server::Config;
use orchestrator::actor::{Actor, PlatformRole, Role};
use orchestrator::credential::{self, TokenOrigin};
use orchestrator::id::{PersonId, ProjectId, RunId};
use orchestrator::identity::session::{self, Browser, Method as SignIn};
use orchestrator::page::PageAsk;
use orchestrator::postgres::Program;
use orchestrator::queue::Working;
use orchestrator::run::jobs::StartRunner;
use orchestrator::run::{self, Run};
pub(crate) use orchestrator::testing::AUDIENCE;
use orchestrator::testing::{Seeded, TestDb, seed};
use orchestrator::{Clock, Orchestrator, identity, project};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use telemetry::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::worker;

pub(crate) struct World {
    pub(crate) db: TestDb,
    pub(crate) orchestrator: Orchestrator,
    pub(crate) clock: Clock,
    pub(crate) shutdown: Shutdown,
    pub(crate) shop: Seeded,
    master_key: credential::MasterKey,
    config: Config,
    address: SocketAddr,
    http: reqwest::Client,
}

/// A turn whose pod was wanted, and its two tokens.
pub(crate) struct Turn {
    pub(crate) run: Run,
    pub(crate) supervisor: String,
    pub(crate) agent: String,
}

/// A call under way, in either era.
pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Value> + 'a>>;

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let db = TestDb::new().await;
        let clock = Clock::default();
        let master_key = credential::MasterKey::generate();
        let orchestrator = db.orchestrator_with(clock.clone(), master_key.clone()).await;
        let shop = seed(&orchestrator, "shop", 1, 4).await.expect("a project");
        let mut config = Config::new(AUDIENCE.parse().expect("an address"));
        change(&mut config);
        let shutdown = Shutdown::new();
        let serving = db
            .orchestrator_of(Program::McpServer, clock.clone(), master_key.clone())
            .await;
        let address = serve(&config, &serving, &shutdown).await;
        let http = reqwest::Client::builder()
            .timeout(Duration::from_mins(1))
            .build()
            .expect("a client");
        Self {
            db,
            orchestrator,
            clock,
            shutdown,
            shop,
            master_key,
            config,
            address,
            http,
        }
    }

    /// A second server on the same database, with a pool and an ear of its own.
    pub(crate) async fn replica(&self) -> Replica {
        let serving = self.of(Program::McpServer).await;
        let address = serve(&self.config, &serving, &self.shutdown).await;
        Replica {
            url: format!("http://{address}/mcp"),
            http: self.http.clone(),
        }
    }

    /// The platform's memory as a program has it.
    async fn of(&self, program: Program) -> Orchestrator {
        let (clock, key) = (self.clock.clone(), self.master_key.clone());
        self.db.orchestrator_of(program, clock, key).await
    }

    /// Lets somebody answer for the code host.
    pub(crate) async fn work(&self) -> Working {
        worker::start(&self.of(Program::Worker).await)
    }

    /// Starts a run of a project on an issue and admits it; its runner has not spoken yet.
    pub(crate) async fn turn(&self, of: &Seeded, number: i64) -> Turn {
        let run = of.start(&self.orchestrator, Some(number)).await.expect("a run");
        self.admit(run.run_id).await
    }

    /// Admits runs until this one is, as the worker would.
    pub(crate) async fn admit(&self, run_id: RunId) -> Turn {
        while run::admit_next(&self.orchestrator).await.expect("admission") != Some(run_id) {}
        let run = run::get(&self.orchestrator, &Actor::System("test"), run_id)
            .await
            .expect("the run");
        let job = StartRunner {
            run_id,
            turn: run.turn,
            fence: run.fence,
        };
        let wanted = run::want_pod(&self.orchestrator, AUDIENCE, &job, None)
            .await
            .expect("a pod");
        let supervisor = self.sign(wanted.tokens.supervisor).await;
        let agent = self.sign(wanted.tokens.agent).await;
        Turn {
            run,
            supervisor,
            agent,
        }
    }

    async fn sign(&self, jti: orchestrator::id::TokenId) -> String {
        let signed = credential::sign(&self.orchestrator, jti).await.expect("a token");
        signed.token.expose_secret().to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The token of a program with this role in the world's project.
    pub(crate) async fn service_token(&self, role: Role) -> String {
        self.service_token_in(self.shop.project_id, role).await
    }

    pub(crate) async fn service_token_in(&self, project_id: ProjectId, role: Role) -> String {
        let expires_at = self.clock.now() + SignedDuration::from_hours(1);
        self.service_token_until(project_id, role, AUDIENCE, expires_at)
            .await
    }

    pub(crate) async fn service_token_until(
        &self,
        project_id: ProjectId,
        role: Role,
        audience: &str,
        expires_at: Timestamp,
    ) -> String {
        let name = format!("test-{role}");
        let issued = credential::issue_service_token(
            &self.orchestrator,
            audience,
            project_id,
            &name,
            role,
            expires_at,
        );
        issued.await.expect("a token").token.expose_secret().to_owned()
    }

    /// The token of a maintainer's program that takes something away from it.
    pub(crate) async fn narrowed_token(&self, narrowing: credential::Narrowing) -> String {
        let expires_at = self.clock.now() + SignedDuration::from_hours(1);
        let scope = credential::TokenScope::Project(self.shop.project_id, Role::Maintainer);
        let issued = credential::issue_token(
            &self.orchestrator,
            AUDIENCE,
            "narrow",
            scope,
            expires_at,
            narrowing,
        );
        issued.await.expect("a token").token.expose_secret().to_owned()
    }

    /// The token of a person with this role in the world's project, or with none, of a session in its browser.
    pub(crate) async fn person_token(&self, role: Option<Role>) -> String {
        let mut tx = self
            .orchestrator
            .begin("test.person")
            .await
            .expect("a transaction");
        let login = role.map_or("stranger", Role::as_str);
        let place = Role::ALL.iter().position(|known| Some(*known) == role);
        let number = 7000 + i64::try_from(place.unwrap_or(99)).expect("few");
        let person = identity::ensure_person(&mut tx, number, login, None).await;
        let person_id = person.expect("a person").person_id;
        tx.commit().await.expect("kept");
        if role.is_some() {
            let (system, project_id) = (Actor::System("test"), self.shop.project_id);
            project::set_member(&self.orchestrator, &system, project_id, person_id, role)
                .await
                .expect("a member");
        }
        self.session_of(person_id).await.0
    }

    /// A token of a new session of a person, and the session's id.
    pub(crate) async fn session_of(&self, person_id: PersonId) -> (String, Uuid) {
        let mut tx = self
            .orchestrator
            .begin("test.session")
            .await
            .expect("a transaction");
        let person = identity::get(&mut tx, person_id).await.expect("a person");
        let opened = session::open(&mut tx, &person, SignIn::Github, Browser::default(), None)
            .await
            .expect("a session");
        let origin = TokenOrigin::Session(opened.session_id);
        let until = tx.now() + SignedDuration::from_hours(1);
        let jti = credential::issue_person_token(&mut tx, AUDIENCE, person_id, origin, until)
            .await
            .expect("a token");
        tx.commit().await.expect("kept");
        (self.sign(jti).await, opened.session_id.uuid())
    }

    /// The id of a new token of a program of a project.
    pub(crate) async fn named_token(&self, project_id: ProjectId) -> Uuid {
        self.service_token_in(project_id, Role::Viewer).await;
        let holder = Some(credential::Holder::Project(project_id));
        let first = PageAsk::new(Some(1), None).expect("a page");
        let found = credential::list_tokens(&self.orchestrator, &Actor::System("test"), holder, first).await;
        found.expect("tokens").items[0].token_id.uuid()
    }

    /// A request to the endpoint, as a client of either era makes it.
    pub(crate) fn request(&self, method: Method, token: Option<&str>) -> RequestBuilder {
        let request = self
            .http
            .request(method, self.url("/mcp"))
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json");
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// A request to another address of the endpoint.
    pub(crate) fn post(&self, path: &str, token: &str) -> RequestBuilder {
        let request = self.http.post(self.url(path)).bearer_auth(token);
        request.header("accept", "application/json, text/event-stream")
    }

    /// The token of a program with this role on the whole platform.
    pub(crate) async fn platform_token(&self, role: PlatformRole) -> String {
        let expires_at = self.clock.now() + SignedDuration::from_hours(1);
        let name = format!("test-{role}");
        let issued = credential::issue_platform_token(&self.orchestrator, AUDIENCE, &name, role, expires_at);
        issued.await.expect("a token").token.expose_secret().to_owned()
    }

    /// Begins a request that promises so many bytes and sends none.
    pub(crate) async fn without_body(&self, token: &str, bytes: usize) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.expect("a connection");
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: platform.test\r\nauthorization: Bearer {token}\r\n\
             accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n\
             content-length: {bytes}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.expect("sent");
        socket
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    /// Sends a request that was changed after it was built.
    pub(crate) async fn execute(&self, request: reqwest::Request) -> Response {
        self.http.execute(request).await.expect("an answer")
    }

    /// The status with which a method is answered.
    pub(crate) async fn status(&self, token: &str, method: &str) -> u16 {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method});
        let response = self.request(Method::POST, Some(token)).json(&body).send().await;
        response.expect("an answer").status().as_u16()
    }

    /// Calls a method the way of revision 2025-11-25.
    pub(crate) async fn legacy(&self, token: &str, method: &str, params: Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self
            .request(Method::POST, Some(token))
            .header("mcp-protocol-version", "2025-11-25");
        answer(request.json(&body).send().await.expect("an answer")).await
    }

    /// Calls a method the way of revision 2026-07-28.
    pub(crate) async fn modern(&self, token: &str, method: &str, params: Value) -> Value {
        answer(
            self.modern_request(token, method, params)
                .send()
                .await
                .expect("an answer"),
        )
        .await
    }

    pub(crate) fn legacy_of<'a>(&'a self, token: &'a str, method: &'a str, params: Value) -> Answering<'a> {
        Box::pin(self.legacy(token, method, params))
    }

    pub(crate) fn modern_of<'a>(&'a self, token: &'a str, method: &'a str, params: Value) -> Answering<'a> {
        Box::pin(self.modern(token, method, params))
    }

    pub(crate) fn modern_request(&self, token: &str, method: &str, params: Value) -> RequestBuilder {
        self.capable_request(token, method, params, json!({}))
    }

    /// The same of a client that can do this.
    pub(crate) fn capable_request(
        &self,
        token: &str,
        method: &str,
        mut params: Value,
        capabilities: Value,
    ) -> RequestBuilder {
        let mut meta = params["_meta"].take();
        if meta.is_null() {
            meta = json!({});
        }
        meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
        meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
        params["_meta"] = meta;
        let mut request = self
            .request(Method::POST, Some(token))
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        let name = ["name", "uri", "taskId"]
            .iter()
            .find_map(|field| params[*field].as_str());
        if let Some(name) = name {
            request = request.header("mcp-name", name);
        }
        request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    }

    /// Calls a tool; the whole JSON-RPC answer.
    pub(crate) async fn call(&self, token: &str, tool: &str, arguments: Value) -> Value {
        self.legacy(token, "tools/call", json!({"name": tool, "arguments": arguments}))
            .await
    }

    /// Calls a tool that must succeed; its structured answer.
    pub(crate) async fn ok(&self, token: &str, tool: &str, arguments: Value) -> Value {
        let answer = self.call(token, tool, arguments).await;
        assert_ne!(answer["result"]["isError"], json!(true), "{tool}: {answer:#}");
        let structured = answer["result"]["structuredContent"].clone();
        assert!(structured.is_object(), "{tool}: {answer:#}");
        structured
    }

    /// Calls a tool that must fail; the failure's code.
    pub(crate) async fn refused(&self, token: &str, tool: &str, arguments: Value) -> String {
        let answer = self.call(token, tool, arguments).await;
        assert_eq!(answer["result"]["isError"], json!(true), "{tool}: {answer:#}");
        answer["result"]["structuredContent"]["code"]
            .as_str()
            .expect("a code")
            .to_owned()
    }

    /// The names of the tools a caller may call, listed without being asked for or not.
    pub(crate) async fn tools(&self, token: &str) -> Vec<String> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
        let list = self.post("/mcp?toolsets=all", token).json(&body).send().await;
        let list = answer(list.expect("an answer")).await;
        let tools = list["result"]["tools"].as_array().expect("a list");
        tools
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    }
}

/// Another server of the same platform.
pub(crate) struct Replica {
    url: String,
    http: reqwest::Client,
}

impl Replica {
    /// The status with which it answers whoever shows a token.
    pub(crate) async fn status(&self, token: &str) -> u16 {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
        let request = self.http.post(&self.url).bearer_auth(token);
        let request = request.header("accept", "application/json, text/event-stream");
        let answer = request.json(&body).send().await.expect("an answer");
        answer.status().as_u16()
    }
}

async fn serve(config: &Config, orchestrator: &Orchestrator, shutdown: &Shutdown) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(mcp_server::serve(
        config.clone(),
        orchestrator.clone(),
        listener,
        shutdown.clone(),
    ));
    address
}

/// The status that a connection is answered with.
pub(crate) async fn status(socket: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(30), socket.read_exact(&mut line));
    read.await.expect("in time").expect("an answer");
    let line = std::str::from_utf8(&line).expect("text");
    line.strip_prefix("HTTP/1.1 ")
        .expect("a status")
        .parse()
        .expect("a number")
}

async fn answer(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.expect("JSON")
}
