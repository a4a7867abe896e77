//! Which clients there may be, and where a person's browser may be sent.

use jiff::{SignedDuration, Timestamp};
use url::{Host, Url};

use crate::actor::words;
use crate::id::PersonId;

/// The one scope there is; what a token may do is decided by the access matrix.
pub const SCOPE: &str = "tools";
/// How long a client's access token counts; its refresh token brings the next.
pub const ACCESS_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How long a consent lasts, however often it is refreshed.
pub const REFRESH_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How long a code may take from the browser to the client's request.
pub const CODE_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// Addresses of one client at most.
pub const MAX_REDIRECT_URIS: usize = 16;
/// Dynamic clients that nobody has let in yet, at most.
pub const MAX_DYNAMIC_CLIENTS: i64 = 500;
/// Dynamic registrations from one address within an hour, at most.
pub const MAX_REGISTRATIONS_PER_HOUR: i64 = 20;
/// A dynamic client that nobody let in is forgotten after this time.
#[cfg(feature = "postgres")]
pub(super) const UNUSED_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// A client that nobody let in again for so long is forgotten: longer than a consent lasts.
#[cfg(feature = "postgres")]
pub(super) const USED_LIFE: SignedDuration = SignedDuration::from_hours(24 * 90);
const MAX_REDIRECT_URI_BYTES: usize = 2048;
/// Editors that a browser opens by a scheme of their own. Any program may claim such a scheme, so the list is short; what
/// a thief of a code lacks is the verifier.
const EDITOR_SCHEMES: [&str; 3] = ["cursor", "vscode", "vscode-insiders"];

/// How a client came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// An operator made it.
    Preset,
    /// Its id is the address of its metadata (a Client ID Metadata Document).
    Document,
    /// It registered itself (RFC 7591).
    Dynamic,
}

words!(ClientKind: Preset = "preset", Document = "document", Dynamic = "dynamic");

/// Whether a client may name this address at all: over TLS, on the person's own machine, or an editor's own scheme.
pub fn may_redirect_to(uri: &str) -> bool {
    let plain = uri.len() <= MAX_REDIRECT_URI_BYTES && uri.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || uri.contains(['#', '\\', '*', '"', '<', '>']) {
        return false;
    }
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    match url.scheme() {
        "https" => url.has_host() && uri.starts_with("https://"),
        "http" => loopback(uri).is_some(),
        scheme => EDITOR_SCHEMES.contains(&scheme) && uri.starts_with(&format!("{scheme}://")),
    }
}

/// Whether the address is on the person's own machine.
pub fn is_loopback(uri: &str) -> bool {
    loopback(uri).is_some()
}

/// Whether a client that named `registered` may send a browser to `requested`: the same address, or the same one on
/// another port of this machine (RFC 8252, section 7.3). Programs take the port that is free, so a registered one says
/// nothing, and some register none at all.
pub fn allows_redirect(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    match (loopback(registered), loopback(requested)) {
        (Some(registered), Some(requested)) => registered == requested,
        _ => false,
    }
}

/// The host and what follows the port, of an `http` address on this machine; compared as they are written.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"]
        .into_iter()
        .find(|host| rest.starts_with(host))?;
    let after = &rest[host.len()..];
    let path = match after.strip_prefix(':') {
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            after[..digits].parse::<u16>().ok().filter(|port| *port > 0)?;
            &after[digits..]
        }
        None => after,
    };
    let ends_host = path.is_empty() || path.starts_with(['/', '?']);
    // The parser has the last word about who is meant.
    let url = Url::parse(uri).ok()?;
    let is_here = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    (ends_host && is_here && !path.contains('#')).then_some((host, path))
}

/// The scopes asked for, without `offline_access`: clients ask for it although it is not offered, and get a refresh token
/// anyway. Nothing is left if they asked for nothing else.
pub fn without_offline_access(scope: &str) -> Option<String> {
    let kept: Vec<_> = scope
        .split(' ')
        .filter(|scope| !scope.is_empty() && *scope != "offline_access")
        .collect();
    (!kept.is_empty()).then(|| kept.join(" "))
}

/// For whom the library issues: a person, and when that person had signed in. The library keeps it as one word, over all
/// refreshes of a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub person_id: PersonId,
    /// To the second; none in words of before it was kept.
    pub signed_in_at: Option<Timestamp>,
}

impl Subject {
    /// The word.
    pub fn word(&self) -> String {
        match self.signed_in_at {
            Some(at) => format!("{}@{}", self.person_id, at.as_second()),
            None => self.person_id.to_string(),
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        let (person, at) = match word.split_once('@') {
            Some((person, at)) => (person, Some(Timestamp::from_second(at.parse().ok()?).ok()?)),
            None => (word, None),
        };
        Some(Self {
            person_id: person.parse().ok()?,
            signed_in_at: at,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://127.0.0.1:8080/cb", "http://127.0.0.1:9090/cb", true)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:9090/cb", true)]
    #[case("http://localhost/callback", "http://localhost:54321/callback", true)]
    #[case("http://localhost:1/callback", "http://localhost/callback", true)]
    #[case("http://[::1]:1/cb", "http://[::1]:2/cb", true)]
    #[case("http://[::1]/cb?a=1", "http://[::1]:2/cb?a=1", true)]
    #[case("https://claude.ai/cb", "https://claude.ai/cb", true)]
    #[case("http://localhost/cb", "http://127.0.0.1:1/cb", false)]
    #[case("http://127.0.0.1/cb", "http://localhost/cb", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:1/other", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:1/cb/", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:1/cb?x=1", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:1/cb#x", false)]
    #[case("http://127.0.0.1/cb", "https://127.0.0.1:1/cb", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:70000/cb", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", false)]
    #[case("http://127.0.0.1/cb", "http://127.0.0.2:1/cb", false)]
    #[case("http://localhost/cb", "http://localhost.evil.example/cb", false)]
    #[case("http://localhost/cb", "http://localhost@evil.example/cb", false)]
    #[case("http://localhost/cb", "http://LOCALHOST:1/cb", false)]
    #[case("https://claude.ai/cb", "https://claude.ai:444/cb", false)]
    #[case("https://claude.ai/cb", "https://claude.ai/cb/../x", false)]
    #[case("https://claude.ai/cb", "https://claude.ai.evil.example/cb", false)]
    fn a_browser_goes_where_the_client_said_or_to_another_port_of_this_machine(
        #[case] registered: &str,
        #[case] requested: &str,
        #[case] allowed: bool,
    ) {
        assert_eq!(allows_redirect(registered, requested), allowed);
    }

    #[rstest]
    #[case("https://claude.ai/api/mcp/auth_callback", true)]
    #[case("http://127.0.0.1:33418/", true)]
    #[case("http://localhost:8787/callback", true)]
    #[case("http://[::1]/callback", true)]
    #[case("cursor://anysphere.cursor-mcp/oauth/callback", true)]
    #[case("http://evil.example/cb", false)]
    #[case("http://10.0.0.1/cb", false)]
    #[case("https://user@evil.example/cb", false)]
    #[case("https:evil.example/cb", false)]
    #[case("https://a.example/cb#x", false)]
    #[case("https://a.example/*", false)]
    #[case("https://a.example/c b", false)]
    #[case("https://a.example\\@evil.example/cb", false)]
    #[case("javascript:alert(1)", false)]
    #[case("data:text/html,x", false)]
    #[case("file:///etc/passwd", false)]
    #[case("cursor:alert", false)]
    #[case("myapp://callback", false)]
    #[case("urn:ietf:wg:oauth:2.0:oob", false)]
    #[case("/relative", false)]
    #[case("", false)]
    fn an_address_is_over_tls_here_or_an_editors(#[case] uri: &str, #[case] allowed: bool) {
        assert_eq!(may_redirect_to(uri), allowed);
    }

    #[rstest]
    #[case("tools offline_access", Some("tools"))]
    #[case("offline_access", None)]
    #[case("", None)]
    #[case("tools admin", Some("tools admin"))]
    fn offline_access_is_taken_for_granted(#[case] asked: &str, #[case] kept: Option<&str>) {
        assert_eq!(without_offline_access(asked).as_deref(), kept);
    }

    #[test]
    fn a_subject_is_one_word_and_an_old_word_has_no_sign_in() {
        let person_id = PersonId::new();
        let at = Timestamp::from_second(1_764_000_000).unwrap();
        let subject = Subject {
            person_id,
            signed_in_at: Some(at),
        };
        assert_eq!(Subject::parse(&subject.word()), Some(subject));
        let old = Subject::parse(&person_id.to_string()).unwrap();
        assert_eq!((old.person_id, old.signed_in_at), (person_id, None));
        for other in [
            "",
            "@1",
            "x@1",
            &format!("{person_id}@"),
            &format!("{person_id}@x"),
        ] {
            assert_eq!(Subject::parse(other), None, "{other}");
        }
    }
}
