//! Lenient structs: every field optional, no enums. GitHub adds events, actions and fields at any time, and a delivery
//! that was signed is never refused for what is in it.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::form::json_of;

/// What the rules need of a payload. A field of another type than expected reads as a missing one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Payload {
    #[serde(deserialize_with = "lenient_word")]
    pub action: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub label: Option<Label>,
    #[serde(deserialize_with = "lenient")]
    pub issue: Option<Item>,
    #[serde(deserialize_with = "lenient")]
    pub pull_request: Option<Item>,
    #[serde(deserialize_with = "lenient")]
    pub review: Option<Review>,
    #[serde(deserialize_with = "lenient")]
    pub comment: Option<Comment>,
    #[serde(deserialize_with = "lenient")]
    pub changes: Option<Changes>,
    #[serde(deserialize_with = "lenient")]
    pub installation: Option<Installation>,
    #[serde(deserialize_with = "lenient")]
    pub repository: Option<Repository>,
    /// Of a new installation.
    #[serde(deserialize_with = "lenient")]
    pub repositories: Option<Vec<Repository>>,
    #[serde(deserialize_with = "lenient")]
    pub repositories_added: Option<Vec<Repository>>,
    #[serde(deserialize_with = "lenient")]
    pub repositories_removed: Option<Vec<Repository>>,
    #[serde(deserialize_with = "lenient")]
    pub organization: Option<Organization>,
    #[serde(deserialize_with = "lenient")]
    pub team: Option<Team>,
    #[serde(deserialize_with = "lenient")]
    pub sender: Option<Account>,
    #[serde(rename = "ref", deserialize_with = "lenient_word")]
    pub git_ref: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Organization {
    #[serde(deserialize_with = "lenient_word")]
    pub login: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Team {
    #[serde(deserialize_with = "lenient_word")]
    pub slug: Option<String>,
}

/// An issue or a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Item {
    #[serde(deserialize_with = "lenient")]
    pub number: Option<i64>,
    #[serde(deserialize_with = "lenient_word")]
    pub title: Option<String>,
    #[serde(deserialize_with = "lenient_word")]
    pub state: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub body: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub labels: Option<Vec<Label>>,
    /// Null for a deleted account.
    #[serde(deserialize_with = "lenient")]
    pub user: Option<Account>,
    #[serde(deserialize_with = "lenient_word")]
    pub html_url: Option<String>,
    #[serde(deserialize_with = "lenient_word")]
    pub updated_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub head: Option<Head>,
    /// An issue event about a pull request carries a link to it.
    #[serde(rename = "pull_request", deserialize_with = "present")]
    pub is_pull_request: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Label {
    #[serde(deserialize_with = "lenient_word")]
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Review {
    #[serde(deserialize_with = "lenient")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient_word")]
    pub state: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Comment {
    #[serde(deserialize_with = "lenient")]
    pub body: Option<String>,
}

/// What an edit changed, each as it was before; none for what the edit left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Changes {
    #[serde(deserialize_with = "lenient")]
    pub title: Option<Change>,
    #[serde(deserialize_with = "lenient")]
    pub body: Option<Change>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Change {
    /// Null for a body that was empty.
    #[serde(deserialize_with = "lenient")]
    pub from: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Installation {
    #[serde(deserialize_with = "lenient")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient_word")]
    pub updated_at: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Repository {
    #[serde(deserialize_with = "lenient")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient_word")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub owner: Option<Account>,
    #[serde(deserialize_with = "lenient_word")]
    pub default_branch: Option<String>,
    #[serde(deserialize_with = "lenient_word")]
    pub clone_url: Option<String>,
    #[serde(deserialize_with = "lenient_word")]
    pub updated_at: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Account {
    #[serde(deserialize_with = "lenient")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient_word")]
    pub login: Option<String>,
    /// `User`, `Bot`, `Organization`, and what comes tomorrow.
    #[serde(rename = "type", deserialize_with = "lenient_word")]
    pub kind: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Head {
    #[serde(rename = "ref", deserialize_with = "lenient_word")]
    pub branch: Option<String>,
    #[serde(deserialize_with = "lenient_word")]
    pub sha: Option<String>,
    /// Null when the fork was deleted.
    #[serde(deserialize_with = "lenient")]
    pub repo: Option<Repository>,
}

/// Reads a delivery's body; none if there is no JSON object in it.
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Option<Payload> {
    let json = json_of(content_type, body)?;
    // A struct can be read from a list too, which no payload is.
    let object = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if object {
        serde_json::from_slice(&json).ok()
    } else {
        None
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Expected(T),
    Other(IgnoredAny),
}

fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(match Option::<Lenient<T>>::deserialize(deserializer)? {
        Some(Lenient::Expected(value)) => Some(value),
        Some(Lenient::Other(_)) | None => None,
    })
}

/// A text that is stored: JSON can hold NUL, PostgreSQL's text cannot. It is replaced and not removed, so that no word
/// becomes another.
fn lenient_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let word: Option<String> = lenient(deserializer)?;
    Ok(word.map(|word| {
        if word.contains('\0') {
            word.replace('\0', "\u{fffd}")
        } else {
            word
        }
    }))
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<IgnoredAny>::deserialize(deserializer)?.is_some())
}
