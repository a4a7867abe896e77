//! What has the shape of a credential: found before a text is written outward, taken out before one is kept to be searched.
//!
//! Known forms are found wherever they stand. What is random and assigned to a word like `password` is taken out, too; alone
//! such a text may be a commit or an id, and stays.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// What stands where a credential stood.
pub const REMOVED: &str = "[secret removed]";

/// What tokens are made of: none begins in the middle of such letters.
fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The known forms: what it is, and its pattern.
const FORMS: &[(&str, &str)] = &[
    ("GitHub installation token", r"ghs_[A-Za-z0-9_.-]{36,}"),
    ("GitHub personal token", r"ghp_[A-Za-z0-9_.-]{36,}"),
    ("GitHub OAuth token", r"gho_[A-Za-z0-9_.-]{36,}"),
    ("GitHub user token", r"gh[ur]_[A-Za-z0-9_.-]{36,}"),
    ("GitHub personal token", r"github_pat_[A-Za-z0-9_.-]{22,}"),
    ("GitLab token", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("model provider key", r"sk-[A-Za-z0-9_.-]{20,}"),
    ("payment provider key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("webhook secret", r"whsec_[A-Za-z0-9+/]{24,}"),
    ("AWS access key", r"A(?:KI|SI)A[A-Z0-9]{16}"),
    ("Slack token", r"xox[abeoprs]-[A-Za-z0-9_.-]{20,}"),
    ("Slack token", r"xapp-[A-Za-z0-9-]{20,}"),
    (
        "Slack webhook",
        r"https://hooks\.slack\.com/services/[A-Za-z0-9_/]{20,}",
    ),
    ("Google key", r"AIza[A-Za-z0-9_-]{35}"),
    ("Google token", r"ya29\.[A-Za-z0-9_-]{20,}"),
    ("Google client secret", r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    ("signed token", r"eyJ[A-Za-z0-9_.-]{60,}"),
    ("npm token", r"npm_[A-Za-z0-9]{36}"),
    ("PyPI token", r"pypi-[A-Za-z0-9_-]{50,}"),
    ("Hugging Face token", r"hf_[A-Za-z0-9]{30,}"),
    ("mail provider key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("cloud provider token", r"do[opr]_v1_[a-f0-9]{64}"),
];

/// One pattern of all forms, each its own group.
static KNOWN: LazyLock<Regex> = LazyLock::new(|| {
    let groups: Vec<String> = FORMS.iter().map(|(_, form)| format!("({form})")).collect();
    compiled(&groups.join("|"))
});

/// A word for a credential, what assigns, and the value: group 1.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"(?i)(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|credential)[A-Za-z0-9_-]{0,30}["'`\]]{0,2}[ \t]{0,8}(?::=|=>|[:=])[ \t]{0,8}["'`]?((?:Bearer |Basic )?[A-Za-z0-9+/_.~=!@#$%^*-]{12,})"#,
    )
});

/// A password in an address: group 1.
static IN_ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@"'<>]{0,80}:([^\s/@"'<>]{8,200})@"#));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern written here, and tested")
}

/// The kind of the first thing in `text` that has a known form of a credential.
pub fn secret_in(text: &str) -> Option<&'static str> {
    let key = private_keys(text).first().map(|key| (key.start, "private key"));
    let form = known(text).next().map(|(range, kind)| (range.start, kind));
    key.into_iter().chain(form).min().map(|(_, kind)| kind)
}

/// The text without what seems to be a credential. Every line keeps its number; asking twice changes nothing.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut found = private_keys(text);
    found.extend(known(text).map(|(range, _)| range));
    for values in [&*ASSIGNED, &*IN_ADDRESS] {
        let values = values.captures_iter(text).filter_map(|it| it.get(1));
        found.extend(
            values
                .filter(|value| is_random(value.as_str()))
                .map(|value| value.range()),
        );
    }
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|range| range.start);
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for range in found {
        if range.start >= at {
            kept.push_str(&text[at..range.start]);
            kept.push_str(REMOVED);
        }
        let start = range.start.max(at);
        if range.end > start {
            kept.extend(text[start..range.end].chars().filter(|c| *c == '\n'));
            at = range.end;
        }
    }
    kept.push_str(&text[at..]);
    Cow::Owned(kept)
}

fn known(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    KNOWN.captures_iter(text).filter_map(|found| {
        let (index, (kind, _)) = FORMS
            .iter()
            .enumerate()
            .find(|(index, _)| found.get(index + 1).is_some())?;
        let range = found.get(index + 1)?.range();
        let before = text[..range.start].chars().next_back();
        (!before.is_some_and(is_of_token)).then_some((range, *kind))
    })
}

/// From the line that begins a private key to the one that ends it; of one without an end, what still looks like it.
fn private_keys(text: &str) -> Vec<Range<usize>> {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    /// No private key is longer.
    const MOST_BYTES: usize = 16 * 1024;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(BEGIN).map(|start| at + start) {
        at = start + BEGIN.len();
        let Some(head) = text[at..].find("-----").map(|length| at + length) else {
            break;
        };
        if !is_private_key(&text[at..head]) {
            continue;
        }
        let head = head + "-----".len();
        let limit = text.floor_char_boundary(head + MOST_BYTES);
        let end = text[head..limit].find(END).and_then(|end| {
            let tail = head + end + END.len();
            text[tail..]
                .find("-----")
                .map(|length| tail + length + "-----".len())
        });
        at = end.unwrap_or_else(|| head + body(&text[head..limit]));
        found.push(start..at);
    }
    found
}

fn is_private_key(label: &str) -> bool {
    label.len() <= 64 && !label.contains('\n') && label.contains("PRIVATE KEY")
}

/// How far a text is base64, line ends and what quotes them.
fn body(text: &str) -> usize {
    let of_body = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\n' | '\r' | '\\');
    let end = text.find(|c| !of_body(c)).unwrap_or(text.len());
    // Words of a sentence that goes on are no key.
    if end < 64 { 0 } else { end }
}

/// Whether a value looks drawn by lot: names go from small letters to capitals and digits seldom.
fn is_random(value: &str) -> bool {
    if value.starts_with(['/', '.', '$', '%']) || value.contains("://") {
        return false;
    }
    let class = |c: char| match c {
        '0'..='9' => Some('0'),
        'a'..='z' => Some('a'),
        'A'..='Z' => Some('A'),
        _ => None,
    };
    let classes: Vec<char> = value.chars().filter_map(class).collect();
    let digits = classes.iter().filter(|class| **class == '0').count();
    // A capital begins a word: what follows it is no change.
    let is_change = |pair: &&[char]| pair[0] != pair[1] && pair != &['A', 'a'];
    let changes = classes.windows(2).filter(is_change).count();
    let of_names = if value.len() < 32 { 3 } else { 2 };
    digits > 0 && digits < classes.len() && changes * 10 > classes.len() * of_names
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const KEY: &str =
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7canary\nmore\n-----END RSA PRIVATE KEY-----";

    #[rstest]
    #[case::private_key(KEY, "[secret removed]\n\n\n")]
    #[case::in_a_literal(
        r#"k = "-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----";"#,
        r#"k = "[secret removed]";"#
    )]
    #[case::github("x ghp_0123456789abcdefghijABCDEFGHIJcanary y", "x [secret removed] y")]
    #[case::fine_grained("(github_pat_11ABCDEFG0canarycanary_canary)", "([secret removed])")]
    #[case::aws("AKIAIOSFODNN7EXAMPLE", "[secret removed]")]
    #[case::aws_secret(
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aws_secret_access_key = [secret removed]"
    )]
    #[case::slack("xoxb-123456789012-canarycanary", "[secret removed]")]
    #[case::google("AIzaSyA0123456789abcdefghijklmnopqrstuv", "[secret removed]")]
    #[case::signed(
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "Bearer [secret removed]"
    )]
    #[case::password("password: \"x7Kq2mZp9Lw4\"", "password: \"[secret removed]\"")]
    #[case::token_in_json(
        "{\"apiToken\": \"9f8e7d6c5b4a39281706f5e4d3c2b1a0\"}",
        "{\"apiToken\": \"[secret removed]\"}"
    )]
    #[case::environment(
        "export DB_PASSWORD='p4ssW0rd9xYz12'",
        "export DB_PASSWORD='[secret removed]'"
    )]
    #[case::address(
        "postgres://app:x7Kq2mZp9L@db/shop",
        "postgres://app:[secret removed]@db/shop"
    )]
    #[case::two(
        "a ghs_0123456789abcdefghijABCDEFGHIJ012345 b sk-abcdefghijklmnopqrstuvwx",
        "a [secret removed] b [secret removed]"
    )]
    fn credentials_are_taken_out(#[case] text: &str, #[case] expected: &str) {
        let scrubbed = scrub(text);
        assert_eq!(scrubbed, expected);
        assert_eq!(scrub(&scrubbed), scrubbed, "asking twice changes nothing");
    }

    #[rstest]
    #[case::commit("at 9fceb02d0ae598e95dc970b74767f19372d61af8")]
    #[case::digest("sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    #[case::id("run 0190b3c4-7d2e-7c3a-9f1b-2a4c6e8d0f12")]
    #[case::words("the task-list and risk-analysis-of-the-whole-thing are fine")]
    #[case::call("token = parser.next_token_of_line(2)")]
    #[case::camel("token: getUserTokenV2FromStore")]
    #[case::a_type("pub password: Option<SecretString>, // 12 to 200")]
    #[case::variable("password: ${DB_PASSWORD_2024}")]
    #[case::a_file("token_file: /etc/codexk8s/v1/t2/x3")]
    #[case::documented("postgres://user:password@host/name")]
    #[case::placeholder("api_key = your-api-key-goes-here")]
    #[case::name("secretName: database-worker-v2-copy1")]
    #[case::certificate("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")]
    fn what_only_looks_like_one_stays(#[case] text: &str) {
        assert_eq!(scrub(text), text);
    }

    #[test]
    fn a_key_without_an_end_is_taken_out_as_far_as_it_goes() {
        let text = format!("-----BEGIN PRIVATE KEY-----\n{}\n(cut)", "MIIEcanary0".repeat(8));
        assert_eq!(scrub(&text), "[secret removed]\n\n(cut)");
        assert_eq!(secret_in("-----BEGIN RSA PRIVATE KEY-----"), Some("private key"));
    }
}
