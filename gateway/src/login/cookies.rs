//! The cookies of a browser: its session, the token that proves it is our own page that asks, a sign-in under way.

use axum::http::header::{COOKIE, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use hmac::{Hmac, KeyInit, Mac};
use orchestrator::identity::login::ATTEMPT_LIFE;
use orchestrator::identity::session::{ABSOLUTE_LIFE, Opened};
use secrecy::ExposeSecret;
use sha2::Sha256;

use crate::site::Site;

/// The header in which our own pages repeat the token of their session.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
const SESSION: &str = "session";
const CSRF: &str = "csrf";
const LOGIN: &str = "login";

/// What an answer does to the browser's cookies.
#[derive(Debug)]
pub(crate) struct SetCookies(Vec<String>);

impl SetCookies {
    /// Signs the browser in.
    pub(crate) fn signed_in(site: &Site, opened: &Opened) -> Self {
        let value = opened.cookie.expose_secret();
        let life = Duration::seconds(ABSOLUTE_LIFE.as_secs());
        let session = cookie(site, SESSION, value, life).http_only(true);
        // Our own pages read this one, so it is not the session's id; no other site can.
        let csrf = cookie(site, CSRF, &csrf_token(value), life).same_site(SameSite::Strict);
        Self([session, csrf].map(|it| it.to_string()).into())
    }

    /// Signs the browser out.
    pub(crate) fn signed_out(site: &Site) -> Self {
        Self([SESSION, CSRF].map(|name| gone(site, name)).into())
    }

    /// Remembers a sign-in under way.
    pub(crate) fn begun(site: &Site, value: &str) -> Self {
        let life = Duration::seconds(ATTEMPT_LIFE.as_secs());
        Self(vec![cookie(site, LOGIN, value, life).http_only(true).to_string()])
    }

    /// Forgets the sign-in, however it ended.
    pub(crate) fn ended(mut self, site: &Site) -> Self {
        self.0.push(gone(site, LOGIN));
        self
    }

    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        for cookie in &self.0 {
            if let Ok(value) = HeaderValue::from_str(cookie) {
                headers.append(SET_COOKIE, value);
            }
        }
    }
}

fn cookie<'a>(site: &Site, name: &str, value: &str, life: Duration) -> cookie::CookieBuilder<'a> {
    Cookie::build((site.cookie_name(name), value.to_owned()))
        .path("/")
        .secure(site.is_secure())
        .same_site(SameSite::Lax)
        .max_age(life)
}

fn gone(site: &Site, name: &str) -> String {
    cookie(site, name, "", Duration::ZERO).http_only(true).to_string()
}

/// The session's cookie.
pub(crate) fn session<'a>(site: &Site, headers: &'a HeaderMap) -> Option<&'a str> {
    read(site, headers, SESSION)
}

/// The cookie of a sign-in under way.
pub(crate) fn login<'a>(site: &Site, headers: &'a HeaderMap) -> Option<&'a str> {
    read(site, headers, LOGIN)
}

/// A cookie's value; of two with one name somebody else made one, so neither counts.
fn read<'a>(site: &Site, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let name = site.cookie_name(name);
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(is, _)| *is == name)
        .map(|(_, value)| value);
    let only = found.next()?;
    found
        .next()
        .is_none()
        .then_some(only)
        .filter(|value| !value.is_empty())
}

/// The token that our own pages repeat: who does not know the session's cookie cannot make it, and it does not tell the
/// cookie.
pub(crate) fn csrf_token(session: &str) -> String {
    URL_SAFE_NO_PAD.encode(csrf_mac(session).finalize().into_bytes())
}

/// Whether a token belongs to this session.
pub(crate) fn is_csrf_token(session: &str, token: &str) -> bool {
    let Ok(token) = URL_SAFE_NO_PAD.decode(token) else {
        return false;
    };
    csrf_mac(session).verify_slice(&token).is_ok()
}

fn csrf_mac(session: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(session.as_bytes());
    mac.expect("HMAC takes a key of any length")
        .chain_update("codex-k8s csrf token")
}

/// Whether a request says that a page of ours made it.
pub(crate) fn is_own_origin(site: &Site, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = origins.next().and_then(|origin| origin.to_str().ok());
    origins.next().is_none() && origin == Some(site.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site::new("https://codex-k8s.example".parse().unwrap()).unwrap()
    }

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    #[test]
    fn one_cookie_of_a_name_counts_and_two_do_not() {
        let site = site();
        let read = |cookies: &[&str]| session(&site, &headers(cookies)).map(str::to_owned);
        assert_eq!(read(&["a=b; __Host-session=x"]).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "__Host-session=x"]).as_deref(), Some("x"));
        for none in [
            &["session=x"][..],
            &["__Host-session="],
            &["__Host-session=x; __Host-session=y"],
            &["__Host-session=x", "__Host-session=x"],
            &[],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_token_belongs_to_one_session() {
        let token = csrf_token("one");
        assert!(is_csrf_token("one", &token));
        assert!(!is_csrf_token("two", &token));
        for wrong in ["", "nonsense", &token[1..], &csrf_token("")] {
            assert!(!is_csrf_token("one", wrong), "{wrong}");
        }
    }

    #[test]
    fn a_browser_keeps_the_cookies_to_itself() {
        let opened = Opened {
            session_id: orchestrator::id::SessionId::new(),
            cookie: "secret".into(),
            expires_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let SetCookies(cookies) = SetCookies::signed_in(&site(), &opened);
        assert_eq!(
            cookies[0],
            "__Host-session=secret; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=43200"
        );
        assert!(cookies[1].starts_with("__Host-csrf="), "{}", cookies[1]);
        assert!(!cookies[1].contains("secret") && !cookies[1].contains("HttpOnly"));
    }
}
