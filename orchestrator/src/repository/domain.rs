use jiff::Timestamp;

/// A repository's name and place as somebody saw them at the code host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub installation_id: i64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub clone_url: String,
    /// The host's own moment of what is said here.
    pub as_of: Timestamp,
}
