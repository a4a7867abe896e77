//! The authorization server, as clients and browsers call it.

mod conformance;
mod world;

use orchestrator::identity;
use orchestrator::identity::oauth;
use orchestrator::{Actor, credential};
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};
use world::{REDIRECT, VERIFIER, World, answer, challenge, csrf, new_client, of, query, sent_to};

const SYSTEM: Actor = Actor::System("test");
const DOCUMENT: &str = "https://claude.ai/oauth/claude-code-client-metadata";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn the_documents_lie_where_clients_look() {
    let world = World::new().await;
    let mut documents = Vec::new();
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let answer = answer(world.get(path).send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.text("issuer"), world.url);
        documents.push(answer.body);
    }
    assert!(documents.windows(2).all(|pair| pair[0] == pair[1]));
    // Of another issuer: a strict client that finds ours there stops.
    for path in [
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration/mcp",
        "/mcp/.well-known/openid-configuration",
    ] {
        assert_eq!(world.get(path).send().await.unwrap().status(), 404, "{path}");
    }
    let document = &documents[0];
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "registration_endpoint",
        "jwks_uri",
    ] {
        let path = document[endpoint]
            .as_str()
            .unwrap()
            .strip_prefix(&world.url)
            .unwrap();
        assert_ne!(world.get(path).send().await.unwrap().status(), 404, "{endpoint}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_client_of_every_kind_gets_a_token_that_the_tools_believe() {
    let world = World::new().await;
    let kept = world.clock.now() + jiff::SignedDuration::from_hours(1);
    // As Claude Code describes itself: without a port.
    let uris = ["http://localhost/callback", "http://127.0.0.1/cb"];
    oauth::keep_document(&world.edge, DOCUMENT, new_client(&uris), kept)
        .await
        .unwrap();
    oauth::add_client(&world.edge, &SYSTEM, "preset", new_client(&[REDIRECT]), None)
        .await
        .unwrap();
    for client_id in [&world.dynamic().await, DOCUMENT, "preset"] {
        let answer = world.tokens(client_id).await;
        assert_eq!(
            (answer.text("token_type"), answer.text("scope")),
            ("Bearer", "tools"),
            "{}",
            answer.body
        );
        assert_eq!(answer.body["expires_in"], 600);
        let token = answer.text("access_token");
        assert!(world.counts(token).await);
        let claims = claims(token);
        let sub = format!("person:{}", world.person.person_id);
        assert_eq!(claims["aud"], world.audience());
        assert_eq!(
            (&claims["sub"], &claims["client_id"], &claims["scope"]),
            (&json!(sub), &json!(client_id), &json!("tools"))
        );
        let keys = world
            .get("/jwks")
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap();
        assert_eq!(keys["keys"][0]["kid"], header(token)["kid"]);
        assert_eq!(header(token)["typ"], "at+jwt");
    }
    let grants = oauth::list_grants(&world.edge, &world.person.actor(), world.person.person_id)
        .await
        .unwrap();
    assert_eq!(grants.len(), 3);
    world.end().await;
}

#[tokio::test]
async fn a_client_with_a_secret_must_show_it() {
    let world = World::new().await;
    let secret = SecretString::from(SECRET.to_owned());
    oauth::add_client(
        &world.edge,
        &SYSTEM,
        "web",
        new_client(&[REDIRECT]),
        Some(&secret),
    )
    .await
    .unwrap();
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("client_id", "web"),
        ("code_verifier", VERIFIER),
    ];
    for (given, status) in [
        (None, 401),
        (Some("another secret of a fair length"), 401),
        (Some(SECRET), 200),
    ] {
        let code = world.code(&query(&[("client_id", "web")])).await;
        let mut pairs = pairs.clone();
        pairs.push(("code", &code));
        pairs.extend(given.map(|secret| ("client_secret", secret)));
        let answer = world.token(&pairs).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let code = world.code(&query(&[("client_id", "web")])).await;
    pairs.retain(|(name, _)| *name != "client_id");
    pairs.push(("code", &code));
    let basic = world.form("/token", &pairs).basic_auth("web", Some(SECRET));
    assert_eq!(basic.send().await.unwrap().status(), 200);
    world.end().await;
}

#[tokio::test]
async fn a_code_needs_its_verifier_and_counts_once() {
    let world = World::new().await;
    let client_id = world.dynamic().await;
    for (changes, error) in [
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("scope", "admin")], "invalid_scope"),
        (vec![("resource", "https://other.example/mcp")], "invalid_target"),
    ] {
        let mut changes = changes;
        changes.push(("client_id", &client_id));
        let back = sent_to(&world.open(&query(&changes)).await);
        assert!(back.as_str().starts_with(REDIRECT), "{back}");
        assert_eq!(of(&back, "error").as_deref(), Some(error), "{back}");
        assert_eq!(of(&back, "iss").as_deref(), Some(&*world.url));
        assert_eq!(of(&back, "state").as_deref(), Some("a state"));
    }
    let asked = query(&[("client_id", &client_id), ("resource", &world.audience())]);
    for verifier in ["", "wrong-verifier-wrong-verifier-wrong-verifier-w", &challenge()] {
        let code = world.code(&asked).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT),
            ("client_id", &client_id),
            ("code_verifier", verifier),
        ];
        let answer = world.token(&pairs).await;
        assert_eq!(answer.status, 400, "{verifier}: {}", answer.body);
    }
    let code = world.code(&asked).await;
    let first = world.redeem(&client_id, &code).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let again = world.redeem(&client_id, &code).await;
    assert_eq!((again.status, again.text("error")), (400, "invalid_grant"));
    assert!(
        !world.counts(first.text("access_token")).await,
        "a code used twice ends what came of it"
    );
    let refreshed = world.refresh(&client_id, first.text("refresh_token")).await;
    assert_eq!(refreshed.text("error"), "invalid_grant");

    let late = world.code(&asked).await;
    world.clock.advance(jiff::SignedDuration::from_secs(61));
    assert_eq!(
        world.redeem(&client_id, &late).await.text("error"),
        "invalid_grant"
    );
    world.end().await;
}

#[tokio::test]
async fn a_refresh_token_counts_once_and_its_reuse_ends_the_family() {
    let world = World::new().await;
    let client_id = world.dynamic().await;
    let first = world.tokens(&client_id).await;
    let second = world.refresh(&client_id, first.text("refresh_token")).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
    for token in [&first, &second] {
        assert!(world.counts(token.text("access_token")).await);
    }
    let grants = oauth::list_grants(&world.edge, &world.person.actor(), world.person.person_id)
        .await
        .unwrap();
    assert_eq!(grants.len(), 1, "one consent is one grant");

    let other = world.dynamic().await;
    assert_eq!(
        world.refresh(&other, second.text("refresh_token")).await.status,
        400
    );
    let reused = world.refresh(&client_id, first.text("refresh_token")).await;
    assert_eq!((reused.status, reused.text("error")), (400, "invalid_grant"));
    for token in [&first, &second] {
        assert!(!world.counts(token.text("access_token")).await);
    }
    assert_eq!(
        world
            .refresh(&client_id, second.text("refresh_token"))
            .await
            .status,
        400
    );

    // No secret is in the tables.
    let dump: Vec<String> = sqlx::query_scalar(
        "SELECT t::text FROM (SELECT record::text AS t FROM oauth_tokens UNION ALL
             SELECT encode(sealed, 'escape') FROM oauth_refresh_tokens UNION ALL
             SELECT encode(sealed, 'escape') FROM oauth_codes UNION ALL
             SELECT family_id FROM oauth_grants) all_of",
    )
    .fetch_all(world.db.pool())
    .await
    .unwrap();
    for secret in [
        first.text("refresh_token"),
        second.text("refresh_token"),
        second.text("access_token"),
    ] {
        assert!(!dump.iter().any(|row| row.contains(secret)));
    }
    world.end().await;
}

#[tokio::test]
async fn what_was_granted_ends_at_once() {
    let world = World::new().await;
    let client_id = world.dynamic().await;
    // By the client, with either token.
    let tokens = world.tokens(&client_id).await;
    let other = world.dynamic().await;
    let foreign = world.form(
        "/revoke",
        &[("token", tokens.text("access_token")), ("client_id", &other)],
    );
    foreign.send().await.unwrap();
    assert!(
        world.counts(tokens.text("access_token")).await,
        "another client's token is not one's to revoke"
    );
    let own = world.form(
        "/revoke",
        &[("token", tokens.text("access_token")), ("client_id", &client_id)],
    );
    assert_eq!(own.send().await.unwrap().status(), 200);
    assert!(!world.counts(tokens.text("access_token")).await);
    let refreshed = world.refresh(&client_id, tokens.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200);
    let own = world.form(
        "/revoke",
        &[
            ("token", refreshed.text("refresh_token")),
            ("client_id", &client_id),
        ],
    );
    assert_eq!(own.send().await.unwrap().status(), 200);
    assert!(!world.counts(refreshed.text("access_token")).await);
    assert_eq!(
        world
            .refresh(&client_id, refreshed.text("refresh_token"))
            .await
            .status,
        400
    );

    // By the person.
    let tokens = world.tokens(&client_id).await;
    let made = world.made_with(tokens.text("access_token")).await;
    assert!(world.counts(&made).await);
    let grant = oauth::list_grants(&world.edge, &world.person.actor(), world.person.person_id)
        .await
        .unwrap()[0]
        .grant_id;
    let stranger = Actor::Service {
        token_id: orchestrator::id::TokenId::new(),
        name: "ci".into(),
        project_id: orchestrator::id::ProjectId::new(),
        role: orchestrator::actor::Role::Admin,
    };
    assert!(
        oauth::revoke_grant(&world.edge, &stranger, grant, None)
            .await
            .is_err()
    );
    oauth::revoke_grant(&world.edge, &world.person.actor(), grant, None)
        .await
        .unwrap();
    oauth::revoke_grant(&world.edge, &world.person.actor(), grant, None)
        .await
        .unwrap();
    assert!(!world.counts(tokens.text("access_token")).await);
    assert!(!world.counts(&made).await, "what was made with it ends with it");
    assert_eq!(
        world
            .refresh(&client_id, tokens.text("refresh_token"))
            .await
            .status,
        400
    );

    // With its client, and with its person.
    let tokens = world.tokens(&client_id).await;
    assert!(
        oauth::remove_client(&world.edge, &SYSTEM, &client_id)
            .await
            .unwrap()
    );
    assert!(!world.counts(tokens.text("access_token")).await);
    let tokens = world.tokens(&other).await;
    identity::disable(&world.edge, &SYSTEM, world.person.person_id)
        .await
        .unwrap();
    assert!(!world.counts(tokens.text("access_token")).await);
    let refused = world.refresh(&other, tokens.text("refresh_token")).await;
    assert_eq!((refused.status, refused.text("error")), (400, "invalid_grant"));
    world.end().await;
}

#[rstest]
#[case("http://127.0.0.1:9/cb", true)]
#[case("http://127.0.0.1/cb", true)]
#[case("http://127.0.0.1:7777/cb/", false)]
#[case("http://127.0.0.1:7777/cb?x=1", false)]
#[case("http://localhost:7777/cb", false)]
#[case("http://127.0.0.1:7777@evil.example/cb", false)]
#[case("http://evil.example/cb", false)]
#[case("https://127.0.0.1:7777/cb", false)]
#[case("", false)]
#[tokio::test]
async fn a_browser_is_sent_only_where_the_client_said(#[case] redirect: &str, #[case] allowed: bool) {
    let world = World::new().await;
    let uris = json!([REDIRECT, "https://one.example/cb"]);
    let client_id = world.register(json!({"redirect_uris": uris})).await;
    let asked = query(&[
        ("client_id", client_id.text("client_id")),
        ("redirect_uri", redirect),
    ]);
    let page = world.open(&asked).await;
    assert_eq!(page.status(), if allowed { 200 } else { 400 }, "{redirect}");
    if allowed {
        let back = sent_to(&world.decide(&asked, "allow").await);
        assert!(back.as_str().starts_with(redirect), "{back}");
        assert_eq!(of(&back, "iss").as_deref(), Some(&*world.url));
        assert_eq!(of(&back, "state").as_deref(), Some("a state"));
    }
    world.end().await;
}

#[tokio::test]
async fn only_our_own_page_lets_a_client_in() {
    let mut world = World::new().await;
    let client_id = world.dynamic().await;
    let asked = query(&[("client_id", &client_id)]);
    let page = world.open(&asked).await;
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    let text = page.text().await.unwrap();
    for shown in [
        "person-1",
        "Editor",
        "unverified",
        "a program on the computer of this browser",
        "just started",
    ] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    assert!(!text.contains("<script"), "{text}");
    let token = csrf(&text);
    let denied = sent_to(&world.decide(&asked, "deny").await);
    assert_eq!(of(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!(of(&denied, "iss").as_deref(), Some(&*world.url));

    let another = query(&[("client_id", &client_id), ("state", "another")]);
    for (query, csrf, origin) in [
        (&asked, "", &*world.url),
        (&asked, "AAAA", &*world.url),
        (&another, &*token, &*world.url),
        (&asked, &*token, "https://evil.example"),
        (&asked, &*token, "null"),
    ] {
        let refused = world.submit(query, csrf, "allow", origin).send().await.unwrap();
        assert_eq!(refused.status(), 403, "{csrf} {origin}");
    }
    let allowed = world
        .submit(&asked, &token, "allow", &world.url)
        .send()
        .await
        .unwrap();
    assert!(of(&sent_to(&allowed), "code").is_some());

    world.become_another().await;
    let foreign = world
        .submit(&asked, &token, "allow", &world.url)
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403, "a page of another session");

    let away = world.get(&format!("/authorize?{asked}")).send().await.unwrap();
    let away = away.headers()["location"].to_str().unwrap().to_owned();
    assert!(away.starts_with("/login?return_to=%2Fauthorize%3F"), "{away}");
    world.end().await;
}

#[tokio::test]
async fn a_request_out_of_order_ends_on_a_page() {
    let world = World::new().await;
    let client_id = world.dynamic().await;
    let right = query(&[("client_id", &client_id)]);
    for (what, asked) in [
        ("no client", query(&[])),
        ("an unknown one", query(&[("client_id", "nobody")])),
        ("a zero byte", query(&[("client_id", "a\0b")])),
        (
            "an unlisted host",
            query(&[("client_id", "https://evil.example/client.json")]),
        ),
        (
            "an address in disguise",
            query(&[("client_id", "https://[::1]/client.json")]),
        ),
        ("said twice", format!("{right}&state=again")),
        ("an object", format!("{right}&request=x.y.z")),
        ("too long", format!("{right}&x={}", "x".repeat(3000))),
    ] {
        let page = world.open(&asked).await;
        assert_eq!(page.status(), 400, "{what}");
        assert!(!page.headers().contains_key("location"), "{what}");
    }
    let form = [("grant_type", "password"), ("client_id", &*client_id)];
    assert_eq!(world.token(&form).await.status, 400);
    let device = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", "x"),
        ("client_id", &*client_id),
    ];
    assert_eq!(world.token(&device).await.status, 400);
    let unknown = world.refresh("nobody", "x").await;
    assert_eq!((unknown.status, unknown.text("error")), (401, "invalid_client"));
    assert_eq!(world.form("/device", &[]).send().await.unwrap().status(), 404);
    assert_eq!(world.form("/introspect", &[]).send().await.unwrap().status(), 404);
    world.end().await;
}

#[tokio::test]
async fn a_registration_is_answered_with_what_it_got() {
    let world = World::new().await;
    // As Cursor registers: three addresses at once.
    let cursor = json!({
        "client_name": "Cursor",
        "redirect_uris": [
            "http://localhost:8787/callback", "cursor://anysphere.cursor-mcp/oauth/callback", "myapp://nothing",
            "https://www.cursor.com/agents/mcp/oauth/callback",
        ],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": "tools offline_access",
    });
    let mut answer = world.register(cursor).await;
    assert_eq!(answer.status, 201);
    for changing in ["client_id", "client_id_issued_at"] {
        assert!(answer.body.as_object_mut().unwrap().remove(changing).is_some());
    }
    insta::assert_json_snapshot!("a_registration", answer.body);
    for (metadata, error) in [
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (
            json!({"redirect_uris": ["http://evil.example/cb"]}),
            "invalid_redirect_uri",
        ),
        (json!({}), "invalid_redirect_uri"),
        (json!("x"), "invalid_client_metadata"),
        (json!({"redirect_uris": "x"}), "invalid_client_metadata"),
    ] {
        let refused = world.register(metadata).await;
        assert_eq!(
            (refused.status, refused.text("error")),
            (400, error),
            "{}",
            refused.body
        );
    }
    for _ in 1..oauth::MAX_REGISTRATIONS_PER_HOUR {
        world.dynamic().await;
    }
    let many = world.register(json!({"redirect_uris": [REDIRECT]})).await;
    assert_eq!(many.status, 429);
    world.end().await;
}

#[tokio::test]
async fn tokens_are_had_while_keys_change() {
    let world = World::new().await;
    let client_id = world.dynamic().await;
    let before = world.tokens(&client_id).await;
    credential::rotate(&world.edge, &SYSTEM, &world.audience(), true)
        .await
        .unwrap();
    let after = world.refresh(&client_id, before.text("refresh_token")).await;
    for answer in [&before, &after] {
        let token = answer.text("access_token");
        assert!(world.counts(token).await);
        let keys = world
            .get("/jwks")
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap();
        let kids: Vec<_> = keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].clone())
            .collect();
        assert!(kids.contains(&header(token)["kid"]), "{kids:?}");
    }
    assert_ne!(
        header(before.text("access_token"))["kid"],
        header(after.text("access_token"))["kid"]
    );
    world.end().await;
}

fn part(token: &str, at: usize) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .unwrap(),
    )
    .unwrap()
}

fn header(token: &str) -> Value {
    part(token, 0)
}

fn claims(token: &str) -> Value {
    part(token, 1)
}
