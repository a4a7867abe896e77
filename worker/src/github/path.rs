//! Paths from names that others chose.

use std::fmt::Write as _;

use orchestrator::ports::code_host::RepositoryRef;

/// The path of a repository. Its installation token reaches this one repository only, so a name that was freed by a
/// rename and taken by somebody else answers 404.
pub(super) fn repository(at: &RepositoryRef) -> String {
    format!("/repos/{}/{}", segment(&at.owner), segment(&at.name))
}

pub(super) fn issue(at: &RepositoryRef, number: i64) -> String {
    format!("{}/issues/{number}", repository(at))
}

/// Escapes all but RFC 3986's unreserved characters, and the dots of `.` and `..`, which mean another folder.
pub(super) fn segment(text: &str) -> String {
    let only_dots = text.bytes().all(|byte| byte == b'.');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && !only_dots);
        if plain {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Escapes each part of a name with slashes: a branch.
pub(super) fn segments(text: &str) -> String {
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("run:dev", "run%3Adev")]
    #[case("codex[bot]", "codex%5Bbot%5D")]
    #[case("a/b?c#d", "a%2Fb%3Fc%23d")]
    #[case("good first issue", "good%20first%20issue")]
    #[case("срочно", "%D1%81%D1%80%D0%BE%D1%87%D0%BD%D0%BE")]
    #[case("v1.2", "v1.2")]
    #[case("..", "%2E%2E")]
    fn a_name_stays_one_segment(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(segment(name), expected);
    }

    #[test]
    fn a_branch_keeps_its_slashes() {
        assert_eq!(segments("codex/issue-5 x"), "codex/issue-5%20x");
    }
}
