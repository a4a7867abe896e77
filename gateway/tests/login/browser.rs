//! A browser as far as sign-ins go: it keeps cookies per host name and follows what it is told.

use std::collections::BTreeMap;

use cookie::Cookie;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use url::Url;

/// What an answer said, with its body read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<Url>,
    pub(crate) text: String,
}

pub(crate) struct Browser {
    http: reqwest::Client,
    gateway: Url,
    github: Url,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(http: reqwest::Client, gateway: &str, github: &str) -> Self {
        Self {
            http,
            gateway: gateway.parse().unwrap(),
            github: github.parse().unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    pub(crate) fn cookie(&self, name: &str) -> &str {
        let name = format!("{name}-{}", self.gateway.port().unwrap());
        self.cookies.get(&name).map_or("", String::as_str)
    }

    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        let name = format!("{name}-{}", self.gateway.port().unwrap());
        self.cookies.insert(name, value.to_owned());
    }

    /// A request to the gateway with this browser's cookies.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.gateway.join(path).unwrap();
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.http.request(method, url);
        if cookies.is_empty() {
            return request;
        }
        request.header(COOKIE, cookies.join("; "))
    }

    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        self.keep(&response);
        let location = response.headers().get(LOCATION);
        let location = location.map(|to| self.gateway.join(to.to_str().unwrap()).unwrap());
        Answer {
            status: response.status().as_u16(),
            location,
            text: response.text().await.unwrap(),
        }
    }

    fn keep(&mut self, response: &Response) {
        for set in response.headers().get_all(SET_COOKIE) {
            let cookie = Cookie::parse(set.to_str().unwrap().to_owned()).unwrap();
            if cookie
                .max_age()
                .is_some_and(cookie::time::SignedDuration::is_zero)
            {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(request).await
    }

    /// Sends a form of one of our own pages.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let origin = self.gateway.origin().ascii_serialization();
        let request = self
            .request(Method::POST, path)
            .header("origin", origin)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.send(request).await
    }

    /// Goes to GitHub and chooses to be `login`; answers where GitHub sends the browser back to.
    pub(crate) async fn choose(&mut self, begin: &str, login: &str) -> Url {
        let left = self.get(begin).await;
        assert_eq!(left.status, 303, "{}", left.text);
        let page = left.location.unwrap();
        assert_eq!(page.origin(), self.github.origin());
        let shown = self.http.get(page.clone()).send().await.unwrap();
        assert_eq!(shown.status(), 200, "{}", shown.text().await.unwrap());
        let mut fields: BTreeMap<_, _> = page.query_pairs().into_owned().collect();
        fields.insert("login".into(), login.into());
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&fields)
            .finish();
        let chosen = self
            .http
            .post(self.github.join("/login/oauth/authorize").unwrap())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(chosen.status(), 303);
        let back = chosen.headers()[LOCATION]
            .to_str()
            .unwrap()
            .parse::<Url>()
            .unwrap();
        assert_eq!(back.origin(), self.gateway.origin());
        back
    }

    /// Comes back from GitHub.
    pub(crate) async fn come_back(&mut self, back: &Url) -> Answer {
        self.get(&format!("{}?{}", back.path(), back.query().unwrap_or_default()))
            .await
    }

    pub(crate) async fn sign_in(&mut self, login: &str) -> Answer {
        let back = self.choose("/login", login).await;
        self.come_back(&back).await
    }

    /// A call of a tool as our own page makes it.
    pub(crate) fn call(&self, tool: &str) -> RequestBuilder {
        let origin = self.gateway.origin().ascii_serialization();
        message(self.request(Method::POST, "/mcp"), tool)
            .header("origin", origin)
            .header("x-csrf-token", self.cookie("csrf"))
    }

    /// Who this browser is to the tools.
    pub(crate) async fn who(&mut self) -> (u16, String) {
        let request = self.call("principal_get");
        let answer = self.send(request).await;
        let name = serde_json::from_str::<Value>(&answer.text).unwrap_or_default();
        let name = &name["result"]["structuredContent"]["name"];
        (answer.status, name.as_str().map_or(answer.text, str::to_owned))
    }
}

/// A call of a tool without arguments.
pub(crate) fn message(request: RequestBuilder, tool: &str) -> RequestBuilder {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": tool, "arguments": {},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    request
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(body.to_string())
}
