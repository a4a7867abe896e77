//! Projects, members and the access matrix; limits and budgets. Knows no GitHub.

pub mod access;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

#[cfg(feature = "postgres")]
pub use service::deletion::{delete, purge_due, restore};
#[cfg(feature = "postgres")]
pub use service::erasing::erase_due;
#[cfg(feature = "postgres")]
pub use service::figures::{Figures, MAX_FIGURE_DAYS, figures};
#[cfg(feature = "postgres")]
pub use service::member::{Member, Membership, members, require_member_setter, set_member, set_membership};
#[cfg(feature = "postgres")]
pub(crate) use service::member::{is_member_of_any, roles_by_rule, set_roles_by_rule};
#[cfg(feature = "postgres")]
pub use service::platform::{Platform, Setting, platform, set_platform_paused, set_setting};
#[cfg(feature = "postgres")]
pub use service::series::{Bucket, MAX_BUCKETS, Point, series};
#[cfg(feature = "postgres")]
pub(crate) use service::set_slot_limit;
#[cfg(feature = "postgres")]
pub use service::{
    Change, LimitChange, Limits, NewProject, Project, create, create_once, find_by_slug, get, grow, list,
    pause, read, resume, set_limits, set_paused, update,
};
