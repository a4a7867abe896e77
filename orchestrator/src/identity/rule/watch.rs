//! Rules without a sign-in: the groups are listed again and again, and when something is said to have changed.
//!
//! A group is a row that is due at a time; whoever claims it lists it at the code host and says what came of it. Without an
//! answer nothing changes, and what stood in the way is kept for people to see.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::domain::{Granted, assumed, granted};
use super::store;
use crate::actor::{Actor, PlatformRole};
use crate::audit;
use crate::error::Result;
use crate::id::PersonId;
use crate::orchestrator::Orchestrator;
use crate::ports::identity::Group;
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::project;

/// Groups are listed this often.
pub const CHECK_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// A listing that failed is tried again after this time.
pub const CHECK_AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// A listing takes at most so long; then somebody else may begin another.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);

/// A group to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub group: Group,
    pub(super) claimed_at: Timestamp,
}

/// What is known of a group's listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub group: Group,
    pub listed_at: Option<Timestamp>,
    /// Since when it could not be listed, and why.
    pub failure: Option<(Timestamp, String)>,
}

/// A group that is due to be listed, for the caller alone for some time.
pub async fn claim(orchestrator: &Orchestrator) -> Result<Option<Claim>> {
    let mut tx = orchestrator.begin("rule.claim").await?;
    store::seen::sync(&mut tx).await?;
    let until = tx.now() + CLAIM;
    let claim = store::seen::claim(&mut tx, until).await?;
    tx.commit().await?;
    Ok(claim)
}

/// Takes over who is in a group, and makes the roles that rules give be as of now; answers whose roles changed.
pub async fn listed(
    orchestrator: &Orchestrator,
    claim: &Claim,
    github_user_ids: &[i64],
) -> Result<Vec<PersonId>> {
    let mut tx = orchestrator.begin("rule.listed").await?;
    let again_at = tx.now() + CHECK_EVERY;
    if !store::seen::note_listed(&mut tx, claim, again_at).await? {
        // Who claimed it since asked later, and knows better.
        return Ok(Vec::new());
    }
    let concerned = store::seen::replace_members(&mut tx, &claim.group, github_user_ids).await?;
    let holders = store::seen::holders(&mut tx).await?;
    tx.commit().await?;
    let people: BTreeSet<_> = concerned.into_iter().chain(holders).collect();
    let mut changed = Vec::new();
    for person_id in people {
        let mut tx = orchestrator.begin("rule.recheck").await?;
        if recheck_known(&mut tx, person_id).await? {
            changed.push(person_id);
        }
        tx.commit().await?;
    }
    Ok(changed)
}

/// Notes that a group could not be listed. Nobody's roles change.
pub async fn not_listed(
    orchestrator: &Orchestrator,
    claim: &Claim,
    why: &str,
    retry_after: Option<SignedDuration>,
) -> Result<()> {
    let mut tx = orchestrator.begin("rule.not_listed").await?;
    let again_at = tx.now() + retry_after.unwrap_or(CHECK_AGAIN).clamp(CHECK_AGAIN, CHECK_EVERY);
    store::seen::note_failed(&mut tx, claim, why, again_at).await?;
    tx.commit().await
}

/// Something was said to have changed in an organisation, or in one team of it: its groups are listed soon. Answers whether
/// a rule speaks of it.
pub(crate) async fn changed(tx: &mut Tx, org: &str, team: Option<&str>) -> Result<bool> {
    store::seen::sync(tx).await?;
    let is_ours = store::seen::want(tx, org, team).await? > 0;
    if is_ours {
        tx.notify(Topic::Poke, "memberships").await?;
    }
    Ok(is_ours)
}

/// What is known of the groups that rules speak of.
pub async fn checks(tx: &mut Tx) -> Result<Vec<Check>> {
    store::seen::checks(tx).await
}

/// Makes the roles that rules give to a person be as of what is known of its groups; answers whether anything changed.
pub(super) async fn recheck_known(tx: &mut Tx, person_id: PersonId) -> Result<bool> {
    let before = held(tx, person_id).await?;
    let rules = store::list(tx).await?;
    let checks = store::seen::checks(tx).await?;
    let is_listed = |group: &Group| {
        let check = checks.iter().find(|check| check.group == *group);
        check.is_some_and(|check| check.listed_at.is_some())
    };
    let unlisted: Vec<_> = rules
        .iter()
        .filter(|rule| !is_listed(&rule.group))
        .cloned()
        .collect();
    let mut groups = store::seen::groups_of(tx, person_id).await?;
    groups.extend(assumed(&unlisted, &before));
    let now = granted(&rules, &groups);
    super::service::give(tx, person_id, &now).await?;
    let after = held(tx, person_id).await?;
    if before == after {
        return Ok(false);
    }
    let actor = Actor::System("membership_rules");
    audit::record_own(tx, &actor, "membership_recheck", ("person", person_id), None).await?;
    Ok(true)
}

/// What a person holds by rules.
async fn held(tx: &mut Tx, person_id: PersonId) -> Result<Granted> {
    let platform = store::seen::lock_platform_role(tx, person_id).await?;
    Ok(Granted {
        platform: platform.as_deref().and_then(PlatformRole::parse),
        projects: project::roles_by_rule(tx, person_id).await?,
    })
}
