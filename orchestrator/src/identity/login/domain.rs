//! How long a sign-in may take, and where it may lead.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A browser has this long to come back from the code host.
pub const ATTEMPT_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// Bytes of a path to return to; the whole must fit into a cookie.
const MAX_PATH_BYTES: usize = 2048;

/// What the browser carries, sealed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Carried {
    pub(super) state: String,
    pub(super) verifier: String,
    pub(super) return_to: String,
    pub(super) expires_at: Timestamp,
}

/// The path, if a browser that is sent to it stays on this host.
pub fn local_path(path: &str) -> Option<&str> {
    // What a browser takes for the begin of a host, or leaves out before it looks (WHATWG URL, section 4.4).
    let is_plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let is_local = path.starts_with('/') && !path.starts_with("//");
    (is_plain && is_local && path.len() <= MAX_PATH_BYTES).then_some(path)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/", true)]
    #[case("/runs/1?after=2#log", true)]
    #[case("/authorize?redirect_uri=https%3A%2F%2Fexample.com", true)]
    #[case("/.//evil.example", true)]
    #[case("", false)]
    #[case("runs", false)]
    #[case("//evil.example", false)]
    #[case("///evil.example", false)]
    #[case("/\\evil.example", false)]
    #[case("\\\\evil.example", false)]
    #[case("/\t/evil.example", false)]
    #[case("/\n/evil.example", false)]
    #[case(" //evil.example", false)]
    #[case("\u{0}//evil.example", false)]
    #[case("https://evil.example", false)]
    #[case("javascript:alert(1)", false)]
    #[case("/ä", false)]
    #[case("@evil.example", false)]
    #[case(".evil.example", false)]
    fn only_a_path_of_this_host_is_returned_to(#[case] path: &str, #[case] is_local: bool) {
        assert_eq!(local_path(path).is_some(), is_local, "{path:?}");
    }

    #[test]
    fn a_path_that_fits_no_cookie_is_none() {
        assert!(local_path(&format!("/{}", "a".repeat(MAX_PATH_BYTES - 1))).is_some());
        assert!(local_path(&format!("/{}", "a".repeat(MAX_PATH_BYTES))).is_none());
    }
}
