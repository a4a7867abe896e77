//! A person at a browser: keeps cookies, chooses who to be at GitHub, lets a program in.

use std::collections::BTreeMap;

use lab::Endpoints;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Response};
use url::{Url, form_urlencoded};

pub(crate) struct Browser {
    pub(crate) http: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        Self {
            http: http.build().expect("a client"),
            cookies: BTreeMap::new(),
        }
    }

    pub(crate) fn header(&self) -> String {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    pub(crate) fn csrf(&self) -> String {
        let found = self.cookies.iter().find(|(name, _)| name.starts_with("csrf"));
        found.map(|(_, value)| value.clone()).expect("signed in")
    }

    pub(crate) async fn get(&mut self, url: &str) -> Response {
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

    /// Chooses who to be, on the page of GitHub that `away` is.
    pub(crate) async fn choose(
        &self,
        endpoints: &Endpoints,
        away: &Url,
        login: &str,
        key: Option<&str>,
    ) -> Response {
        assert!(away.as_str().starts_with(&endpoints.github_url), "{away}");
        let mut fields: BTreeMap<_, _> = away.query_pairs().into_owned().collect();
        fields.insert("login".into(), login.into());
        let post = self
            .http
            .post(format!("{}/login/oauth/authorize", endpoints.github_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(&fields));
        let post = key.into_iter().fold(post, reqwest::RequestBuilder::bearer_auth);
        post.send().await.expect("an answer")
    }

    /// Opens what a program asks for, signs in as this person on the way, and lets it in; answers where that leads.
    pub(crate) async fn let_in(&mut self, endpoints: &Endpoints, asked: &str, login: &str) -> Url {
        let sign_in = location(&self.get(asked).await);
        let away = location(&self.get(sign_in.as_str()).await);
        let chosen = self
            .choose(endpoints, &away, login, Some(&endpoints.github_key))
            .await;
        let consent = location(&self.get(location(&chosen).as_str()).await);
        let page = self.get(consent.as_str()).await.text().await.expect("a page");
        assert!(page.contains(&format!("<strong>{login}</strong>")), "{page}");
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).expect("a form");
        let fields = [
            ("query", consent.query().expect("the request")),
            ("csrf", csrf.split('"').next().expect("a value")),
            ("decision", "allow"),
        ];
        let post = self
            .http
            .post(format!("{}/authorize", endpoints.gateway_url))
            .header(COOKIE, self.header())
            .header(ORIGIN, &endpoints.gateway_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(fields));
        location(&post.send().await.expect("an answer"))
    }
}

pub(crate) fn form<K: AsRef<str>, V: AsRef<str>>(fields: impl IntoIterator<Item = (K, V)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// Where an answer sends a browser.
pub(crate) fn location(answer: &Response) -> Url {
    assert_eq!(answer.status(), 303, "{answer:?}");
    let to = answer.headers()[LOCATION].to_str().expect("text");
    answer.url().join(to).expect("an address")
}
