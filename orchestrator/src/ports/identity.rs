//! Who somebody is, by the word of the code host: asked once per sign-in, with a credential that is dropped after it.

use async_trait::async_trait;

/// An organisation of the code host, or a team in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    pub org: String,
    pub team: Option<String>,
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    pub github_user_id: i64,
    pub login: String,
    /// Of the groups asked about, those with the person as an active member.
    pub groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The code host does not know this code, or denies the App what it asks.
    #[error("{0}")]
    Refused(String),
    /// The code host does not answer; later may help.
    #[error("{0}")]
    Unavailable(String),
}

/// A port: the adapter is the gateway's.
#[async_trait]
pub trait Identity: Send + Sync {
    /// The page of the code host where a browser signs in; it comes back with a code and this state. The verifier stays
    /// here: only its digest is in the address (RFC 7636).
    fn authorize_url(&self, state: &str, verifier: &str) -> String;

    /// Who came back with this code. Nothing of the code host's answer is kept but this.
    async fn identify(
        &self,
        code: &str,
        verifier: &str,
        groups: &[Group],
    ) -> Result<Identified, IdentityError>;
}
