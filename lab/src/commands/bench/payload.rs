//! The webhook that everybody gets.

use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

pub(super) const EVENT: &str = "issues";
/// A long issue: near the largest text GitHub takes, and everything around it.
const BIG_BYTES: usize = 200_000;

/// A signed body.
#[derive(Clone)]
pub(super) struct Payload {
    pub(super) body: Bytes,
    pub(super) signature: String,
}

impl Payload {
    fn signed(secret: &str, payload: &Value) -> Self {
        let body = Bytes::from(payload.to_string());
        Self {
            signature: format!("sha256={}", hex::encode(digest(secret.as_bytes(), &body))),
            body,
        }
    }

    /// GitHub's example of a label being set, as it is and with a long issue text.
    pub(super) fn both(secret: &str) -> anyhow::Result<[Self; 2]> {
        let package = lab::npm_ci("npm", "@octokit/webhooks-examples")?;
        let small = example(&package)?;
        let mut big = small.clone();
        let missing = BIG_BYTES.saturating_sub(small.to_string().len());
        big["issue"]["body"] = Value::String(text(missing));
        Ok([Self::signed(secret, &small), Self::signed(secret, &big)])
    }
}

/// HMAC-SHA256, as GitHub signs.
pub(super) fn digest(secret: &[u8], body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any key will do");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

fn example(package: &Path) -> anyhow::Result<Value> {
    let index = package.join("api.github.com/index.json");
    let text = std::fs::read(&index).with_context(|| format!("reading {}", index.display()))?;
    let events: Vec<Value> = serde_json::from_slice(&text)?;
    events
        .iter()
        .filter(|event| event["name"] == EVENT)
        .flat_map(|event| event["examples"].as_array().into_iter().flatten())
        .find(|example| example["action"] == "labeled")
        .cloned()
        .context("the examples hold no issues.labeled")
}

/// Words in no order: repeated text would compress to nothing in the database.
fn text(bytes: usize) -> String {
    const WORDS: [&str; 16] = [
        "when", "the", "worker", "restarts", "a", "label", "is", "lost", "and", "nobody", "sees", "why",
        "until", "logs", "are", "read",
    ];
    let mut text = String::with_capacity(bytes + 16);
    let mut state: u32 = 1;
    while text.len() < bytes {
        // A linear congruential generator: the same text in every run.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(WORDS[(state >> 28) as usize]);
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::{digest, text};

    #[test]
    fn a_signature_is_the_one_github_documents() {
        let signed = digest(b"It's a Secret to Everybody", b"Hello, World!");
        assert_eq!(
            hex::encode(signed),
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }

    #[test]
    fn the_text_has_the_length_asked_for() {
        assert_eq!(text(1_000).len(), 1_000);
        assert_eq!(text(0), "");
    }
}
