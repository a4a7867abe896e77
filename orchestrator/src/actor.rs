//! Who asks. An actor is what a token or a signed event proved; what it may do is decided by [`crate::project::access`].

use std::fmt;

use jiff::Timestamp;

use crate::id::{PersonId, ProjectId, RunId, TokenId};

/// A principal of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    Person {
        person_id: PersonId,
        login: String,
        platform_role: Option<PlatformRole>,
        /// When the person signed in by whose session or client's grant this was let in; none for what no sign-in is
        /// behind: a personal token, an event of the code host.
        signed_in_at: Option<Timestamp>,
    },
    /// A named token of a program: one project, one role.
    Service {
        token_id: TokenId,
        name: String,
        project_id: ProjectId,
        role: Role,
    },
    /// A named token of a program that looks after the whole installation.
    Platform {
        token_id: TokenId,
        name: String,
        role: PlatformRole,
    },
    /// One side of a runner's pod, for one turn.
    Run(RunActor),
    /// The platform itself, by the name of the part that acts.
    System(&'static str),
}

/// The token of one turn of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunActor {
    pub token_id: TokenId,
    pub side: RunSide,
    pub project_id: ProjectId,
    pub run_id: RunId,
    pub turn: i32,
    pub fence: i64,
}

/// Which container of the pod a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunSide {
    Supervisor,
    Agent,
}

/// A member's role in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    Contributor,
    Reviewer,
    Maintainer,
    Admin,
}

/// A role on the whole platform, of a person or of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlatformRole {
    Operator,
    Auditor,
    Owner,
}

macro_rules! words {
    ($type:ident: $($variant:ident = $word:literal),+ $(,)?) => {
        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the word of the database and the wire.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(RunSide: Supervisor = "supervisor", Agent = "agent");
words!(Role: Viewer = "viewer", Contributor = "contributor", Reviewer = "reviewer",
    Maintainer = "maintainer", Admin = "admin");
words!(PlatformRole: Operator = "operator", Auditor = "auditor", Owner = "owner");

impl Actor {
    /// The actor's kind, for the audit.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Person { .. } => "person",
            Self::Service { .. } | Self::Platform { .. } => "service",
            Self::Run(run) => run.side.as_str(),
            Self::System(_) => "system",
        }
    }

    /// The actor's id within its kind.
    pub fn id(&self) -> String {
        match self {
            Self::Person { person_id, .. } => person_id.to_string(),
            Self::Service { token_id, .. } | Self::Platform { token_id, .. } => token_id.to_string(),
            Self::Run(run) => run.run_id.to_string(),
            Self::System(part) => (*part).to_owned(),
        }
    }

    pub fn person_id(&self) -> Option<PersonId> {
        match self {
            Self::Person { person_id, .. } => Some(*person_id),
            _ => None,
        }
    }

    /// When whoever this is signed in; none where no sign-in is behind it.
    pub fn signed_in_at(&self) -> Option<Timestamp> {
        match self {
            Self::Person { signed_in_at, .. } => *signed_in_at,
            _ => None,
        }
    }

    pub fn run(&self) -> Option<&RunActor> {
        match self {
            Self::Run(run) => Some(run),
            _ => None,
        }
    }
}

/// `person:octocat`, `service:ci`, `agent:<run id>`: for people and timelines.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { login, .. } => write!(f, "person:{login}"),
            Self::Service { name, .. } | Self::Platform { name, .. } => write!(f, "service:{name}"),
            Self::Run(run) => write!(f, "{}:{}", run.side, run.run_id),
            Self::System(part) => write!(f, "system:{part}"),
        }
    }
}
