//! What the simulated GitHub remembers: plain data, no I/O, one mutex around it all.

mod account;
mod app;
mod checks;
mod clock;
mod delivery;
mod issue;
mod lookup;
mod pull;
mod repository;
mod token;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

pub(crate) use self::account::Account;
pub use self::account::{AccountKind, Role};
pub use self::app::Level;
pub(crate) use self::app::{App, Hook, Installation, Permissions, covers};
pub(crate) use self::checks::{CheckRun, Status};
pub(crate) use self::clock::Clock;
pub use self::delivery::Delivery;
pub(crate) use self::delivery::Outgoing;
pub(crate) use self::issue::{Comment, Issue, Reaction, TimelineEvent};
pub(crate) use self::pull::{Facts, Pull, Review, ReviewComment};
pub(crate) use self::repository::{Label, Repository};
pub(crate) use self::token::{Holder, LoginCode, Token, Window};

/// Ids given by us start here, above the fixed ids that seeds and GitHub's example payloads use.
const FIRST_ID: u64 = 3_000_000_000;

/// The whole state of the simulator. It holds secrets, so it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct World {
    /// Where people and git reach the simulator, without a slash at the end.
    pub(crate) web: String,
    pub(crate) clock: Clock,
    pub(crate) app: App,
    pub(crate) hook: Option<Hook>,
    pub(crate) accounts: BTreeMap<u64, Account>,
    pub(crate) installations: BTreeMap<u64, Installation>,
    pub(crate) repositories: BTreeMap<u64, Repository>,
    /// By the token itself: losing them at a restart would be a fault that GitHub does not have.
    pub(crate) tokens: BTreeMap<String, Token>,
    /// Sign-ins under way, by their one-use code.
    #[serde(default)]
    pub(crate) login_codes: BTreeMap<String, LoginCode>,
    /// Requests used in the current hour, by installation or person.
    pub(crate) windows: BTreeMap<String, Window>,
    /// Requests an installation or person may make per hour.
    pub(crate) hourly_limit: u64,
    /// Newest last.
    pub(crate) deliveries: VecDeque<Delivery>,
    /// Events made by the call in progress, not yet handed to the sender.
    #[serde(skip)]
    pub(crate) outbox: Vec<Outgoing>,
    next_id: u64,
}

impl World {
    pub(crate) fn new(app: App, bot: Account) -> Self {
        Self {
            web: String::new(),
            clock: Clock::default(),
            accounts: BTreeMap::from([(bot.id, bot)]),
            app,
            hook: None,
            installations: BTreeMap::new(),
            repositories: BTreeMap::new(),
            tokens: BTreeMap::new(),
            login_codes: BTreeMap::new(),
            windows: BTreeMap::new(),
            hourly_limit: 5_000,
            deliveries: VecDeque::new(),
            outbox: Vec::new(),
            next_id: FIRST_ID,
        }
    }

    /// Returns an id that nothing else bears.
    pub(crate) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
