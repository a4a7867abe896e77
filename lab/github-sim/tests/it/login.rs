//! The App's user login: exact callbacks, one-use codes, PKCE, and what its token may ask.

use reqwest::{Client, Response, redirect};
use serde_json::Value;
use url::Url;

use crate::support::World;

const CALLBACK: &str = "http://127.0.0.1:1/login/callback";
/// The verifier of RFC 7636, appendix B, and its challenge.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct App<'a> {
    world: &'a World,
    http: Client,
}

async fn world(change: impl FnOnce(&mut github_sim::Config)) -> (World, Client) {
    let world = World::with(|config| {
        config.app.callback_urls = vec![CALLBACK.into()];
        change(config);
    })
    .await;
    let http = Client::builder().no_proxy().redirect(redirect::Policy::none());
    (world, http.build().expect("a client"))
}

impl<'a> App<'a> {
    fn of(world: &'a World, http: &Client) -> Self {
        Self {
            world,
            http: http.clone(),
        }
    }

    async fn post(&self, step: &str, fields: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.http
            .post(format!("{}/login/oauth/{step}", self.world.sim.url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .expect("an answer")
    }

    async fn code(&self, login: &str) -> String {
        let fields = [
            ("client_id", "Iv23liSimulatedClient0"),
            ("redirect_uri", CALLBACK),
            ("state", "mine"),
            ("code_challenge", CHALLENGE),
            ("login", login),
        ];
        let answer = self.post("authorize", &fields).await;
        assert_eq!(answer.status(), 303);
        let back: Url = answer.headers()["location"]
            .to_str()
            .expect("text")
            .parse()
            .expect("a URL");
        assert!(back.as_str().starts_with(CALLBACK), "{back}");
        let part = |name: &str| {
            back.query_pairs()
                .find(|(is, _)| is == name)
                .map(|(_, value)| value.into_owned())
        };
        assert_eq!(part("state").as_deref(), Some("mine"));
        part("code").expect("a code")
    }

    async fn exchange(&self, code: &str, secret: &str, verifier: &str) -> Value {
        let fields = [
            ("client_id", "Iv23liSimulatedClient0"),
            ("client_secret", secret),
            ("redirect_uri", CALLBACK),
            ("code", code),
            ("code_verifier", verifier),
        ];
        let answer = self.post("access_token", &fields).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.expect("JSON")
    }
}

#[tokio::test]
async fn a_code_is_exchanged_once_by_who_can_show_its_verifier() {
    let (world, http) = world(|_| {}).await;
    let app = App::of(&world, &http);
    let secret = "a simulated client secret";
    let wrong_secret = app.exchange(&app.code("alice").await, "another", VERIFIER).await;
    assert_eq!(wrong_secret["error"], "incorrect_client_credentials");
    let wrong_verifier = app.exchange(&app.code("alice").await, secret, "another").await;
    assert_eq!(wrong_verifier["error"], "bad_verification_code");
    let code = app.code("alice").await;
    let token = app.exchange(&code, secret, VERIFIER).await;
    assert_eq!(
        app.exchange(&code, secret, VERIFIER).await["error"],
        "bad_verification_code"
    );
    let late = app.code("alice").await;
    world.sim.advance_clock(601);
    assert_eq!(
        app.exchange(&late, secret, VERIFIER).await["error"],
        "bad_verification_code"
    );

    world.sim.set_member("acme", None, "alice", true).expect("seeded");
    world
        .sim
        .set_member("acme", Some("core"), "alice", true)
        .expect("seeded");
    let get = async |path: &str| {
        let request = http
            .get(format!("{}{path}", world.sim.url()))
            .header("user-agent", "a test")
            .bearer_auth(token["access_token"].as_str().expect("a token"));
        let answer = request.send().await.expect("an answer");
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.expect("JSON"),
        )
    };
    assert_eq!(get("/user").await.1["login"], "alice");
    assert_eq!(get("/user/memberships/orgs/acme").await.1["state"], "active");
    assert_eq!(
        get("/orgs/acme/teams/core/memberships/alice").await.1["state"],
        "active"
    );
    for missing in [
        "/user/memberships/orgs/other",
        "/orgs/acme/teams/core/memberships/rob",
        "/orgs/acme/teams/none/memberships/alice",
    ] {
        assert_eq!(get(missing).await.0, 404, "{missing}");
    }
    world.end().await;
}

#[tokio::test]
async fn nobody_is_sent_where_the_app_does_not_say() {
    let (world, http) = world(|config| config.control_key = Some("the key".into())).await;
    let app = App::of(&world, &http);
    for callback in ["https://evil.example/", "http://127.0.0.1:1/login/callback/", ""] {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", "Iv23liSimulatedClient0"),
                ("redirect_uri", callback),
            ])
            .finish();
        let url = format!("{}/login/oauth/authorize?{query}", world.sim.url());
        assert_eq!(
            http.get(url).send().await.expect("an answer").status(),
            400,
            "{callback}"
        );
    }
    let fields = [("redirect_uri", CALLBACK), ("login", "alice")];
    let without_key = app.post("authorize", &fields).await;
    assert_eq!(without_key.status(), 403, "agents reach this page too");
    world.end().await;
}
