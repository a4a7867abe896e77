//! The page on which a person lets a client in.

use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use oauth_as::Client;
use orchestrator::identity::oauth::is_loopback;
use orchestrator::identity::session::Live;
use sha2::Sha256;
use url::Url;

use super::authorize::Asked;
use super::server::AUTHORIZE;
use crate::login::page::{self, escape};

/// The page. What the client says of itself is shown as such; what is known of it stands first.
pub(super) fn page(asked: &Asked, live: &Live, cookie: &str) -> Response {
    let redirect = &asked.request.redirect_uri;
    let name = asked.client.name.as_deref().unwrap_or("it says none");
    let scopes: Vec<_> = asked
        .request
        .scope
        .iter()
        .map(|scope| escape(scope.as_str()))
        .collect();
    let content = format!(
        "<p>A program wants to use codex-k8s as <strong>{login}</strong>. It will see and do there what you may.</p>\
         <dl><dt>Who asks</dt><dd><strong>{who}</strong></dd>\
         <dt>What it calls itself (unverified)</dt><dd>{name}</dd>\
         <dt>Where your browser is sent with the answer</dt><dd><strong>{host}</strong></dd>\
         <dt>What it may use</dt><dd>{scopes}</dd></dl>{warning}\
         <form method=\"post\" action=\"{AUTHORIZE}\"><input type=\"hidden\" name=\"query\" value=\"{query}\">\
         <input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">\
         <button name=\"decision\" value=\"deny\">Deny</button> \
         <button name=\"decision\" value=\"allow\">Allow</button></form>",
        login = escape(&live.person.login),
        who = escape(&who(&asked.client)),
        name = escape(name),
        host = escape(&host(redirect)),
        scopes = scopes.join(", "),
        warning = warning(redirect),
        query = escape(&asked.query),
        csrf = token(cookie, &asked.query),
    );
    let mut response = page::page(StatusCode::OK, "Let a program in?", &content);
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy(redirect)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What is known of a client, by the way it came to be known.
fn who(client: &Client) -> String {
    let id = client.client_id.as_str();
    match Url::parse(id).ok().as_ref().and_then(Url::host_str) {
        Some(host) => format!("{host}, by the description it publishes there"),
        None if id.starts_with("dyn-") => {
            "a program that registered itself; nobody has looked at it".to_owned()
        }
        None => format!("{id}, set up by an operator of this platform"),
    }
}

/// Where a browser goes, as a person reads it.
fn host(redirect: &str) -> String {
    if is_loopback(redirect) {
        return "a program on the computer of this browser".to_owned();
    }
    let url = Url::parse(redirect).ok();
    let told = url.as_ref().map(|url| match (url.scheme(), url.host_str()) {
        ("https", Some(host)) => host.to_owned(),
        (scheme, _) => format!("the program that opens {scheme}: links"),
    });
    told.unwrap_or_default()
}

fn warning(redirect: &str) -> &'static str {
    if redirect.starts_with("https://") {
        return "";
    }
    "<p><strong>Allow this only if you have just started it yourself.</strong> Any program on your computer can ask like \
     this under any name; nothing proves which one it is.</p>"
}

/// A browser follows the answer of a form only where the page's policy lets the form lead.
fn policy(redirect: &str) -> String {
    let target = match Url::parse(redirect) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    };
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {target}; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// What proves that this page was shown to this session for this request.
fn token(cookie: &str, query: &str) -> String {
    URL_SAFE_NO_PAD.encode(mac(cookie, query).finalize().into_bytes())
}

/// Whether a form comes from the page that was shown to this session for this request.
pub(super) fn is_token(cookie: &str, query: &str, token: &str) -> bool {
    let token = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    mac(cookie, query).verify_slice(&token).is_ok()
}

fn mac(cookie: &str, query: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(cookie.as_bytes());
    mac.expect("HMAC takes a key of any length")
        .chain_update("codex-k8s consent\0")
        .chain_update(query)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_form_counts_for_its_session_and_request_alone() {
        let shown = token("session", "client_id=a");
        assert!(is_token("session", "client_id=a", &shown));
        assert!(!is_token("session", "client_id=b", &shown));
        assert!(!is_token("other", "client_id=a", &shown));
        assert!(!is_token("session", "client_id=a", ""));
    }

    #[rstest]
    #[case("http://localhost:1234/cb", "form-action 'self' http://localhost:1234;")]
    #[case(
        "https://claude.ai/api/mcp/auth_callback",
        "form-action 'self' https://claude.ai;"
    )]
    #[case("cursor://anysphere/cb", "form-action 'self' cursor:;")]
    fn the_form_may_lead_to_the_client_and_nowhere_else(#[case] redirect: &str, #[case] expected: &str) {
        assert!(policy(redirect).contains(expected), "{}", policy(redirect));
    }
}
