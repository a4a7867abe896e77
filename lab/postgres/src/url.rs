//! Connection URLs.

use std::fmt::Write;

/// Writes bytes so that every client reads the same: all but unreserved characters and `/` as `%XX` (RFC 3986, 2.1).
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes what is written");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn what_has_a_meaning_in_a_url_is_escaped() {
        assert_eq!(
            encode(b"/home/a b/c&d?e#f%g+h"),
            "/home/a%20b/c%26d%3Fe%23f%25g%2Bh"
        );
        assert_eq!(encode("/größe".as_bytes()), "/gr%C3%B6%C3%9Fe");
    }
}
