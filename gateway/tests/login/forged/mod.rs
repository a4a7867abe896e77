//! Forged and misused tokens, every kind we know, shown wherever a token counts: not one is accepted.
//!
//! The answers are a golden file. What is genuine is shown before and after, so that a server that refuses everybody does
//! not pass.

mod bearers;
mod edge;
mod forge;
mod grants;
mod rows;
mod shapes;
mod table;

use std::net::SocketAddr;

use jiff::SignedDuration;
use orchestrator::actor::Role;
use orchestrator::credential::{self, SealedBy, TokenOrigin};
use orchestrator::id::PersonId;
use orchestrator::testing::{Seeded, seed};
use orchestrator::{Actor, project};
use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use self::forge::Forge;
use self::table::Table;
use crate::browser::message;
use crate::world::World;

/// An address at which a token may be shown, and one that counts there.
struct Door<'a> {
    http: &'a reqwest::Client,
    name: &'static str,
    url: &'a str,
    token: &'a str,
}

impl Door<'_> {
    /// Asks who is calling, without saying it.
    fn call(&self) -> RequestBuilder {
        self.call_at("/mcp")
    }

    fn call_at(&self, path: &str) -> RequestBuilder {
        self.tool(path, "principal_get")
    }

    fn tool(&self, path: &str, tool: &str) -> RequestBuilder {
        message(self.http.post(format!("{}{path}", self.url)), tool)
    }
}

/// What most kinds are made of.
struct Stage {
    world: World,
    shop: Seeded,
    ada: PersonId,
    inside: Forge,
    public: Forge,
}

impl Stage {
    async fn set() -> Self {
        let world = World::new().await;
        let shop = seed(&world.inside, "shop", 1, 4).await.unwrap();
        let audience = world.inside_audience();
        credential::ensure_signing_key(&world.inside, &audience, SealedBy::Master)
            .await
            .unwrap();
        let ada = member(&world, &shop, "ada").await;
        member(&world, &shop, "ben").await;
        let service = service_token(&world, &shop, &audience, SignedDuration::from_hours(24)).await;
        let personal = personal_token(&world, ada, "laptop").await;
        Self {
            inside: Forge::of(&world.inside, &audience, &service).await,
            public: Forge::of(&world.edge, &world.public_audience(), &personal).await,
            world,
            shop,
            ada,
        }
    }

    /// The tools themselves, and the way to them from outside.
    fn doors(&self) -> [(Door<'_>, &Forge, &Forge); 2] {
        let (tools, gateway) = (&self.world.tools_url, &self.world.gateway_url);
        [
            (
                self.door("tools", tools, &self.inside),
                &self.inside,
                &self.public,
            ),
            (
                self.door("gateway", gateway, &self.public),
                &self.public,
                &self.inside,
            ),
        ]
    }

    fn door<'a>(&'a self, name: &'static str, url: &'a str, forge: &'a Forge) -> Door<'a> {
        Door {
            http: &self.world.http,
            name,
            url,
            token: &forge.genuine,
        }
    }
}

#[tokio::test]
async fn no_forged_or_misused_token_is_accepted() {
    let stage = Stage::set().await;
    let (canary, asked) = canary().await;
    let mut table = Table::default();
    for (door, own, other) in stage.doors() {
        table.genuine("the token itself", &door).await;
        for (kind, token) in bearers::kinds(own, other, &canary) {
            table.add(kind, door.name, door.call().bearer_auth(token)).await;
        }
        for (kind, request) in shapes::shapes(&door) {
            table.add(kind, door.name, request).await;
        }
        table.genuine("the token itself, after all that", &door).await;
    }
    edge::show(&stage, &mut table).await;
    grants::show(&stage, &mut table).await;
    rows::show(&stage, &mut table).await;
    assert!(table.kinds() >= 60, "{} kinds", table.kinds());
    assert_eq!(
        asked.try_iter().count(),
        0,
        "somebody fetched a key that a token named"
    );
    insta::assert_snapshot!("forged", table.to_string());
    stage.world.end().await;
}

/// Somebody with a role: who has none finds no tool, whatever the token.
async fn member(world: &World, shop: &Seeded, login: &str) -> PersonId {
    let person_id = world.know(login, None).await.person_id;
    let system = Actor::System("test");
    project::set_member(
        &world.inside,
        &system,
        shop.project_id,
        person_id,
        Some(Role::Viewer),
    )
    .await
    .unwrap();
    person_id
}

async fn service_token(world: &World, shop: &Seeded, audience: &str, life: SignedDuration) -> String {
    let until = world.clock.now() + life;
    let issued = credential::issue_service_token(
        &world.inside,
        audience,
        shop.project_id,
        "ci",
        Role::Viewer,
        until,
    );
    issued.await.unwrap().token.expose_secret().to_owned()
}

async fn personal_token(world: &World, person_id: PersonId, name: &str) -> String {
    let mut tx = world.edge.begin("test.token").await.unwrap();
    let until = tx.now() + SignedDuration::from_hours(24);
    let origin = TokenOrigin::Named(name.into());
    let jti = credential::issue_person_token(&mut tx, &world.public_audience(), person_id, origin, until)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let signed = credential::sign(&world.edge, jti).await.unwrap();
    signed.token.expose_secret().to_owned()
}

/// An address that says when somebody comes.
async fn canary() -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let (tell, asked) = std::sync::mpsc::channel();
    tokio::spawn(async move { while listener.accept().await.is_ok() && tell.send(()).is_ok() {} });
    (url, asked)
}
