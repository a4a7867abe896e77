//! What each kind was answered.

use std::fmt;
use std::time::Duration;

use reqwest::header::{LOCATION, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use url::Url;

use super::Door;

/// The word of an answer that let somebody in.
const ACCEPTED: &str = "accepted";
/// Requests of one address before the next one is taken: refusals slow an address down.
const OF_ONE_ADDRESS: usize = 80;

/// Lines in the order in which their kinds were shown first.
#[derive(Default)]
pub(super) struct Table {
    lines: Vec<(&'static str, Vec<String>)>,
    clients: Vec<reqwest::Client>,
    sent: usize,
}

impl Table {
    /// Shows one kind at one door; whoever is let in fails the test.
    pub(super) async fn add(&mut self, kind: &'static str, door: &str, request: RequestBuilder) {
        let answer = self.answer(request).await;
        assert_ne!(answer, ACCEPTED, "{kind} at {door}");
        let told = format!("{door} {answer}");
        match self.lines.iter_mut().find(|(is, _)| *is == kind) {
            Some((_, answers)) => answers.push(told),
            None => self.lines.push((kind, vec![told])),
        }
    }

    /// Shows what must be let in.
    pub(super) async fn genuine(&mut self, what: &str, door: &Door<'_>) {
        for scheme in ["Bearer", "bearer"] {
            let request = door
                .call()
                .header("authorization", format!("{scheme} {}", door.token));
            self.accepted(what, request).await;
        }
    }

    pub(super) async fn accepted(&mut self, what: &str, request: RequestBuilder) {
        assert_eq!(self.answer(request).await, ACCEPTED, "{what}");
    }

    pub(super) fn kinds(&self) -> usize {
        self.lines.len()
    }

    async fn answer(&mut self, request: RequestBuilder) -> String {
        loop {
            let client = self.client();
            let request = request.try_clone().expect("no stream").build().unwrap();
            let response = client.execute(request).await.unwrap();
            if response.status() != 429 {
                return told(response).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// A client at another address of this machine from time to time.
    fn client(&mut self) -> reqwest::Client {
        if self.sent.is_multiple_of(OF_ONE_ADDRESS) {
            let number = u8::try_from(self.clients.len() + 1).expect("few addresses");
            let client = reqwest::Client::builder()
                .local_address(std::net::IpAddr::from([127, 0, 1, number]))
                .timeout(Duration::from_secs(30))
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy();
            self.clients.push(client.build().unwrap());
        }
        self.sent += 1;
        self.clients.last().expect("one at least").clone()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, answers) in &self.lines {
            writeln!(f, "{kind} | {}", answers.join(", "))?;
        }
        write!(f, "{} kinds, 0 accepted", self.kinds())
    }
}

/// The status, and the word that programs read.
async fn told(response: Response) -> String {
    let status = response.status();
    let challenge = response
        .headers()
        .get(WWW_AUTHENTICATE)
        .map(|value| value.to_str().unwrap().to_owned());
    let location = response
        .headers()
        .get(LOCATION)
        .map(|value| value.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let word = if status.is_success() {
        success(&body)
    } else if let Some(location) = location {
        redirect(&location)
    } else if let Some(error) = body["error"].as_str() {
        error.to_owned()
    } else {
        let error = challenge.as_deref().and_then(|it| it.split("error=\"").nth(1));
        error
            .and_then(|it| it.split('"').next())
            .unwrap_or_default()
            .to_owned()
    };
    if word == ACCEPTED {
        return word;
    }
    format!("{} {word}", status.as_u16()).trim_end().to_owned()
}

/// A tool's answer may be that it refuses; anything else is a success.
fn success(body: &Value) -> String {
    let result = &body["result"];
    match result["structuredContent"]["code"].as_str() {
        Some(code) if result["isError"] == true => code.to_owned(),
        _ if body["error"]["code"].is_number() => format!("error {}", body["error"]["code"]),
        _ => ACCEPTED.to_owned(),
    }
}

/// To sign in, or back to a client with an error, is no success.
fn redirect(location: &str) -> String {
    let base: Url = "http://gateway.test".parse().unwrap();
    let url = base.join(location).unwrap();
    let error = url.query_pairs().find(|(name, _)| name == "error");
    match error {
        Some((_, error)) => error.into_owned(),
        None if url.path() == "/login" => "to /login".into(),
        None => ACCEPTED.into(),
    }
}
