use url::{Host, Url};

use crate::actor::words;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// The key of a model's provider, bound to the one host it may be sent to.
    ModelKey,
    /// A value that a project's environments use.
    Value,
}

words!(SecretKind: ModelKey = "model_key", Value = "value");

/// Checks a secret's name: what an environment variable or a file can be called.
///
/// # Errors
///
/// What a name looks like.
pub fn check_name(name: &str) -> Result<(), String> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if begins && name.len() <= 63 && name.bytes().all(letter) {
        return Ok(());
    }
    Err("name: 1 to 63 of a-z, 0-9, - and _, beginning with a letter".to_owned())
}

/// The place of an address: scheme, host and port, as a model's key is bound to it.
///
/// # Errors
///
/// It is none, or a key sent there could be read on the way: HTTP is for the machine itself alone.
pub fn origin(address: &str) -> Result<String, String> {
    let url: Url = address
        .parse()
        .map_err(|_| format!("host: {address:?} is no address; write https://host"))?;
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let safe = url.scheme() == "https" || (url.scheme() == "http" && here);
    if !safe || !url.username().is_empty() || url.password().is_some() {
        return Err("host: write https://host, without a user; http only for the machine itself".to_owned());
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://api.example.com/v1", Some("https://api.example.com"))]
    #[case("https://api.example.com:8443", Some("https://api.example.com:8443"))]
    #[case("https://API.example.com:443/", Some("https://api.example.com"))]
    #[case("http://127.0.0.1:8950/v1", Some("http://127.0.0.1:8950"))]
    #[case("http://localhost:1", Some("http://localhost:1"))]
    #[case("http://api.example.com", None)]
    #[case("http://127.0.0.1.example.com", None)]
    #[case("https://user@api.example.com", None)]
    #[case("ftp://127.0.0.1", None)]
    #[case("api.example.com", None)]
    fn a_key_is_bound_to_a_place_nobody_can_listen_in_on(
        #[case] address: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(origin(address).ok().as_deref(), expected);
    }

    #[test]
    fn a_name_fits_everywhere() {
        for good in ["a", "openai", "db_password-2", &"a".repeat(63)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "2a", "a b", "a/b", "_a", &"a".repeat(64)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
