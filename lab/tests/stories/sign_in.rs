//! A seeded person signs in at the gateway by choosing who to be, calls a tool through it, and signs out.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use url::Url;

use crate::kit::World;

struct Browser {
    http: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        Self {
            http: http.build().expect("a client"),
            cookies: BTreeMap::new(),
        }
    }

    fn header(&self) -> String {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn csrf(&self) -> String {
        let found = self.cookies.iter().find(|(name, _)| name.starts_with("csrf"));
        found.map(|(_, value)| value.clone()).expect("signed in")
    }

    async fn get(&mut self, url: &str) -> Response {
        let answer = self
            .http
            .get(url)
            .header(COOKIE, self.header())
            .send()
            .await
            .expect("an answer");
        for set in answer.headers().get_all(SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

fn location(answer: &Response) -> Url {
    assert_eq!(answer.status(), 303);
    let to = answer.headers()[LOCATION].to_str().expect("text");
    answer.url().join(to).expect("an address")
}

#[tokio::test]
async fn a_seeded_person_signs_in_calls_a_tool_and_leaves() {
    let world = World::new().await;
    let endpoints = &world.lab.endpoints;
    let mut browser = Browser::new();
    let away = location(&browser.get(&endpoints.login_url).await);
    assert!(away.as_str().starts_with(&endpoints.github_url), "{away}");
    let mut fields: BTreeMap<_, _> = away.query_pairs().into_owned().collect();
    fields.insert("login".into(), "mia".into());
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    let choose = |key: Option<&str>| {
        let post = browser
            .http
            .post(format!("{}/login/oauth/authorize", endpoints.github_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.clone());
        key.into_iter()
            .fold(post, reqwest::RequestBuilder::bearer_auth)
            .send()
    };
    // An agent in the lab has no key of the simulator, and becomes nobody.
    assert_eq!(choose(None).await.expect("an answer").status(), 403);
    let back = location(&choose(Some(&endpoints.github_key)).await.expect("an answer"));
    let home = location(&browser.get(back.as_str()).await);
    let page = browser.get(home.as_str()).await.text().await.expect("a page");
    assert!(page.contains("<strong>mia</strong>"), "{page}");

    let origin = endpoints.gateway_url.clone();
    let call = |browser: &Browser, csrf: &str| {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "principal_get", "arguments": {},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        browser
            .http
            .post(&endpoints.public_mcp_url)
            .header(COOKIE, browser.header())
            .header("origin", &origin)
            .header("x-csrf-token", csrf)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "principal_get")
            .json(&body)
            .send()
    };
    let csrf = browser.csrf();
    let answer = call(&browser, &csrf).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.expect("JSON");
    let who = &answer["result"]["structuredContent"];
    assert_eq!(
        (&who["kind"], &who["name"]),
        (&json!("person"), &json!("mia")),
        "{answer}"
    );

    let left = browser
        .http
        .post(format!("{origin}/logout"))
        .header(COOKIE, browser.header())
        .header("origin", &origin)
        .header("x-csrf-token", &csrf)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("")
        .send()
        .await
        .expect("an answer");
    assert_eq!(left.status(), 303);
    // A browser that kept its cookies nevertheless.
    assert_eq!(call(&browser, &csrf).await.expect("an answer").status(), 401);
    world.end().await;
}
