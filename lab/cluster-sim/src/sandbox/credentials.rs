//! Users, groups and privileges of a container.

use std::fs;

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::thread::{CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities};

use super::Isolation;
use super::spec::User;

/// Maps one user and one group (inside, outside) into the user namespace this process just made.
pub(super) fn map_user(user: (u32, u32), group: (u32, u32)) -> Result<()> {
    fs::write("/proc/self/setgroups", "deny").context("deny setgroups")?;
    fs::write("/proc/self/uid_map", format!("{} {} 1", user.0, user.1)).context("map the user")?;
    fs::write("/proc/self/gid_map", format!("{} {} 1", group.0, group.1)).context("map the group")
}

/// Becomes the container's user and gives up every privilege for good, whatever user that is.
pub(super) fn assume(user: &User, isolation: Isolation) -> Result<()> {
    match isolation {
        Isolation::OneUser => {
            // A second user namespace shows the one user the host lends us under the number the pod asks for.
            unshare(CloneFlags::CLONE_NEWUSER).context("make the inner user namespace")?;
            map_user((user.uid, 0), (user.gid, 0))?;
        }
        Isolation::Full => switch(user)?,
        // Where there is no isolation anyway, a user that cannot be had (in a container without privileges) is done without.
        Isolation::None => drop(switch(user)),
    }
    give_up()
}

/// Gives up every privilege for good.
pub(super) fn give_up() -> Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    set_capabilities(None, sets).context("drop all capabilities")?;
    prctl::set_no_new_privs().context("set no_new_privs")?;
    // After the change of user, which would clear it.
    prctl::set_pdeathsig(Signal::SIGKILL).context("set the parent-death signal")
}

fn switch(user: &User) -> Result<()> {
    for capability in CapabilitySet::all().iter() {
        // Older kernels do not know the newest ones.
        remove_capability_from_bounding_set(capability).ok();
    }
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups).context("set the supplementary groups")?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setresgid(gid, gid, gid).context("set the group")?;
    setresuid(uid, uid, uid).context("set the user")
}
