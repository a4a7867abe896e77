//! Codes and tokens of the authorization server, each shown in another's place, late, twice, or by somebody else.

use jiff::SignedDuration;
use orchestrator::identity::oauth;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::Stage;
use super::forge::write;
use super::table::Table;
use crate::browser::{Browser, message};
use crate::world::World;

/// Of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT: &str = "http://127.0.0.1:7777/cb";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

struct Flow<'a> {
    world: &'a World,
    browser: Browser,
    client_id: String,
    other_id: String,
}

struct Tokens {
    access: String,
    refresh: String,
}

pub(super) async fn show(stage: &Stage, table: &mut Table) {
    let world = &stage.world;
    let flow = Flow {
        browser: world.signed_in("ada").await,
        client_id: register(world).await,
        other_id: register(world).await,
        world,
    };
    codes(&flow, stage, table).await;
    let tokens = flow.tokens().await;
    in_anothers_place(&flow, stage, table, &tokens).await;
    other_ways(&flow, stage, table, &tokens).await;
    families(&flow, stage, table, tokens).await;
}

async fn codes(flow: &Flow<'_>, stage: &Stage, table: &mut Table) {
    let challenge = write(&Sha256::digest(VERIFIER));
    for (kind, changes) in [
        ("code: without its verifier", &[("code_verifier", "")][..]),
        (
            "code: with another verifier",
            &[("code_verifier", "another-verifier-another-verifier-another-verif")],
        ),
        (
            "code: with the challenge for a verifier",
            &[("code_verifier", &challenge)],
        ),
        ("code: of another client", &[("client_id", &flow.other_id)]),
        ("code: of no client", &[("client_id", "")]),
        (
            "code: to another address",
            &[("redirect_uri", "http://127.0.0.1:7777/other")],
        ),
        (
            "code: for another resource",
            &[("resource", "https://other.example/mcp")],
        ),
    ] {
        let code = flow.code().await;
        table.add(kind, "gateway", flow.redeem(&code, changes)).await;
    }
    for (kind, code) in [
        ("code: nobody was given", "nobody-was-given-this"),
        ("code: an access token", &stage.public.genuine),
        ("code: a session's cookie", flow.browser.cookie("session")),
    ] {
        table.add(kind, "gateway", flow.redeem(code, &[])).await;
    }
    let code = flow.code().await;
    table.accepted("a code", flow.redeem(&code, &[])).await;
    table
        .add("code: the same once more", "gateway", flow.redeem(&code, &[]))
        .await;
    let code = flow.code().await;
    let url = format!("{}/mcp", flow.world.gateway_url);
    let bearer = message(flow.world.http.post(url), "principal_get").bearer_auth(&code);
    table.add("code: as a bearer", "gateway", bearer).await;
    table
        .add(
            "code: as a refresh token",
            "gateway",
            flow.refresh(&flow.client_id, &code),
        )
        .await;
    let without = flow
        .world
        .browser()
        .request(Method::GET, &format!("/authorize?{}", flow.query()));
    let without = without.bearer_auth(&stage.public.genuine);
    table
        .add("code: asked for with an access token", "gateway", without)
        .await;
}

/// Each token where another belongs.
async fn in_anothers_place(flow: &Flow<'_>, stage: &Stage, table: &mut Table, tokens: &Tokens) {
    let world = flow.world;
    for (door, url) in [("gateway", &world.gateway_url), ("tools", &world.tools_url)] {
        let url = format!("{url}/mcp");
        let bearer = message(world.http.post(url), "principal_get").bearer_auth(&tokens.refresh);
        table.add("refresh token: as a bearer", door, bearer).await;
    }
    let mut browser = world.browser();
    browser.set_cookie("session", &tokens.refresh);
    let page = browser.request(Method::GET, &format!("/authorize?{}", flow.query()));
    table
        .add("refresh token: as a session's cookie", "gateway", page)
        .await;
    for (kind, token) in [
        ("refresh token: an access token", &*tokens.access),
        ("refresh token: a program's token", &stage.inside.genuine),
        (
            "refresh token: a session's cookie",
            flow.browser.cookie("session"),
        ),
        ("refresh token: nobody was given", "nobody-was-given-this"),
        ("refresh token: empty", ""),
    ] {
        table
            .add(kind, "gateway", flow.refresh(&flow.client_id, token))
            .await;
    }
    let theirs = flow.refresh(&flow.other_id, &tokens.refresh);
    table
        .add("refresh token: of another client", "gateway", theirs)
        .await;
    let nobodys = flow.refresh("nobody", &tokens.refresh);
    table.add("refresh token: of no client", "gateway", nobodys).await;
    let query = form(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
        ("client_id", &flow.client_id),
    ]);
    let in_query = world.http.post(format!("{}/token?{query}", world.gateway_url));
    let in_query = in_query
        .header("content-type", "application/x-www-form-urlencoded")
        .body("");
    table
        .add("refresh token: in the query", "gateway", in_query)
        .await;
}

/// Grants that this server does not know, with tokens that count elsewhere.
async fn other_ways(flow: &Flow<'_>, stage: &Stage, table: &mut Table, tokens: &Tokens) {
    let id = ("client_id", &*flow.client_id);
    for (kind, pairs) in [
        (
            "grant: a token exchanged for a wider one",
            vec![
                ("grant_type", TOKEN_EXCHANGE),
                ("subject_token", &*stage.inside.genuine),
                ("subject_token_type", ACCESS_TOKEN),
                id,
            ],
        ),
        (
            "grant: an access token as an assertion",
            vec![("grant_type", JWT_BEARER), ("assertion", &*tokens.access), id],
        ),
        (
            "grant: a client for itself",
            vec![("grant_type", "client_credentials"), ("scope", "tools"), id],
        ),
        (
            "grant: a person's password",
            vec![
                ("grant_type", "password"),
                ("username", "ada"),
                ("password", &*tokens.access),
                id,
            ],
        ),
        (
            "grant: an access token as a client's assertion",
            vec![
                ("grant_type", "client_credentials"),
                ("client_assertion_type", ASSERTION),
                ("client_assertion", &*tokens.access),
            ],
        ),
        ("grant: none", vec![("refresh_token", &*tokens.refresh), id]),
    ] {
        table.add(kind, "gateway", flow.post("/token", &pairs)).await;
    }
}

/// What became of it ends what it came from.
async fn families(flow: &Flow<'_>, stage: &Stage, table: &mut Table, tokens: Tokens) {
    let world = flow.world;
    let bearer = |token: &str| {
        let url = format!("{}/mcp", world.gateway_url);
        message(world.http.post(url), "principal_get").bearer_auth(token)
    };
    table.accepted("a granted token", bearer(&tokens.access)).await;
    let second = flow.renew(&tokens.refresh).await;
    table
        .add(
            "refresh token: used before",
            "gateway",
            flow.refresh(&flow.client_id, &tokens.refresh),
        )
        .await;
    let newest = flow.refresh(&flow.client_id, &second.refresh);
    table
        .add("refresh token: whose elder was used twice", "gateway", newest)
        .await;
    table
        .add(
            "ended: an access token whose refresh token was used twice",
            "gateway",
            bearer(&second.access),
        )
        .await;

    let revoked = flow.tokens().await;
    let ending = [("token", &*revoked.refresh), ("client_id", &flow.client_id)];
    assert_eq!(flow.post("/revoke", &ending).send().await.unwrap().status(), 200);
    table
        .add(
            "ended: a token that its client gave back",
            "gateway",
            bearer(&revoked.access),
        )
        .await;
    let renewed = flow.refresh(&flow.client_id, &revoked.refresh);
    table.add("refresh token: given back", "gateway", renewed).await;

    let granted = flow.tokens().await;
    let actor = world.know("ada", None).await.actor();
    let grants = oauth::list_grants(&world.inside, &actor, stage.ada)
        .await
        .unwrap();
    for grant in grants {
        oauth::revoke_grant(&world.inside, &actor, grant.grant_id, None)
            .await
            .unwrap();
    }
    table
        .add(
            "ended: a token whose grant its person took back",
            "gateway",
            bearer(&granted.access),
        )
        .await;

    let granted = flow.tokens().await;
    oauth::remove_client(
        &world.inside,
        &orchestrator::Actor::System("test"),
        &flow.client_id,
    )
    .await
    .unwrap();
    table
        .add(
            "ended: a token whose client is gone",
            "gateway",
            bearer(&granted.access),
        )
        .await;
    let late = Flow {
        client_id: flow.other_id.clone(),
        browser: world.signed_in("ada").await,
        other_id: String::new(),
        world,
    };
    let code = late.code().await;
    world.clock.advance(SignedDuration::from_secs(61));
    table
        .add("code: a minute old", "gateway", late.redeem(&code, &[]))
        .await;
}

async fn register(world: &World) -> String {
    let metadata = json!({"client_name": "Editor", "redirect_uris": [REDIRECT]});
    let request = world
        .http
        .post(format!("{}/register", world.gateway_url))
        .body(metadata.to_string());
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["client_id"].as_str().unwrap().to_owned()
}

impl Flow<'_> {
    fn query(&self) -> String {
        let challenge = write(&Sha256::digest(VERIFIER));
        form(&[
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", REDIRECT),
            ("state", "a state"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("scope", "tools offline_access"),
        ])
    }

    fn post(&self, path: &str, pairs: &[(&str, &str)]) -> RequestBuilder {
        let request = self.world.http.post(format!("{}{path}", self.world.gateway_url));
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(pairs))
    }

    /// Lets the client in, on the page.
    async fn code(&self) -> String {
        let query = self.query();
        let page = self.browser.request(Method::GET, &format!("/authorize?{query}"));
        let page = page.send().await.unwrap().text().await.unwrap();
        let csrf = page
            .split("name=\"csrf\" value=\"")
            .nth(1)
            .unwrap_or_else(|| panic!("no form in {page}"));
        let csrf = csrf.split('"').next().unwrap();
        let decided = self
            .browser
            .request(Method::POST, "/authorize")
            .header("origin", &self.world.gateway_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(&[("query", &query), ("csrf", csrf), ("decision", "allow")]));
        let decided = decided.send().await.unwrap();
        let back: Url = decided.headers()["location"].to_str().unwrap().parse().unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("no code in {back}")).1.into_owned()
    }

    /// Redeems a code as its client does, but for what is changed; an empty value leaves a parameter out.
    fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> RequestBuilder {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", &*self.client_id),
            ("code_verifier", VERIFIER),
        ];
        for change in changes {
            pairs.retain(|(name, _)| *name != change.0);
            if !change.1.is_empty() {
                pairs.push(*change);
            }
        }
        self.post("/token", &pairs)
    }

    fn refresh(&self, client_id: &str, token: &str) -> RequestBuilder {
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", client_id),
        ];
        self.post("/token", &pairs)
    }

    async fn tokens(&self) -> Tokens {
        let code = self.code().await;
        issued(self.redeem(&code, &[])).await
    }

    async fn renew(&self, refresh: &str) -> Tokens {
        issued(self.refresh(&self.client_id, refresh)).await
    }
}

async fn issued(request: RequestBuilder) -> Tokens {
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let text = |member: &str| {
        answer[member]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    };
    Tokens {
        access: text("access_token"),
        refresh: text("refresh_token"),
    }
}
