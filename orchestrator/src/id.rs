//! One type per kind of thing, over `UUIDv7`: ids sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "postgres", derive(sqlx::Type), sqlx(transparent))]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new one, later than all before it.
            #[expect(clippy::new_without_default, reason = "every call makes another one")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A person known to the platform.
    PersonId
    /// A person's sign-in in one browser.
    SessionId
    /// What a person granted to an OAuth client.
    GrantId
    /// What members of a group get.
    MembershipRuleId
    ProjectId
    RepositoryId
    /// A webhook delivery as we keep it; GitHub's own id of it is its GUID.
    DeliveryId
    TriggerRuleId
    AgentProfileId
    PromptId
    RunId
    /// A run as a task of the MCP protocol, for one principal; the only id that is random, so that nobody guesses it.
    TaskId
    SnapshotId
    SlotId
    /// A question or approval a run waits for.
    WaitId
    /// An outward write in the ledger.
    EffectId
    /// A token's `jti`.
    TokenId
    /// A secret that people gave the platform to keep.
    SecretId
    PortCallId
    AuditId
    /// A file of a repository as it can be searched.
    DocumentId
    /// A passage of a document.
    ChunkId
}
