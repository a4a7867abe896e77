use super::domain::{Grant, Granted, Rule, granted};
use super::{store, watch};
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{MembershipRuleId, PersonId};
use crate::identity::{self, Person, session};
use crate::orchestrator::Orchestrator;
use crate::ports::identity::Group;
use crate::postgres::Tx;
use crate::project::{self, access};

/// Rules of an installation; each costs a call to the code host at every sign-in.
const MAX_RULES: usize = 20;

/// Gives a role to all members of a group: to who is known as soon as the group is listed, to others at their sign-in. Asking twice changes nothing; another role for the
/// same group and place replaces the old one.
///
/// # Errors
///
/// `Forbidden` for anybody but the command line, `Capacity` when there are too many.
pub async fn add(orchestrator: &Orchestrator, actor: &Actor, group: Group, grant: Grant) -> Result<Rule> {
    access::require_system(actor)?;
    for name in [Some(&group.org), group.team.as_ref()].into_iter().flatten() {
        check_name(name)?;
    }
    let mut tx = orchestrator.begin("rule.add").await?;
    if let Grant::Project(project_id, _) = grant {
        project::get(&mut tx, project_id).await?;
    }
    let rule = store::upsert(&mut tx, &group, grant).await?;
    if store::list(&mut tx).await?.len() > MAX_RULES {
        return Err(Error::Capacity(format!(
            "an installation has at most {MAX_RULES} membership rules; remove one first"
        )));
    }
    record(&mut tx, actor, "membership_rule_add", &rule).await?;
    watch::changed(&mut tx, &rule.group.org, rule.group.team.as_deref()).await?;
    tx.commit().await?;
    Ok(rule)
}

/// Ends a rule, and takes back what it gave.
///
/// # Errors
///
/// `Forbidden` for anybody but the command line, `NotFound`.
pub async fn remove(orchestrator: &Orchestrator, actor: &Actor, id: MembershipRuleId) -> Result<()> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("rule.remove").await?;
    let rule = store::delete(&mut tx, id).await?;
    let rule = rule.ok_or_else(|| Error::not_found("membership rule", id))?;
    record(&mut tx, actor, "membership_rule_remove", &rule).await?;
    for person_id in store::seen::holders(&mut tx).await? {
        watch::recheck_known(&mut tx, person_id).await?;
    }
    tx.commit().await
}

pub async fn list(tx: &mut Tx) -> Result<Vec<Rule>> {
    store::list(tx).await
}

/// The groups that rules speak of: what to ask the code host about somebody.
pub async fn groups(orchestrator: &Orchestrator) -> Result<Vec<Group>> {
    let mut tx = orchestrator.begin("rule.groups").await?;
    let mut groups: Vec<_> = store::list(&mut tx)
        .await?
        .into_iter()
        .map(|rule| rule.group)
        .collect();
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Makes the roles that rules give to a person be as of now, by the groups it is in. For whoever found those out without
/// a sign-in.
///
/// # Errors
///
/// `Forbidden` for anybody but the platform, `NotFound`.
pub async fn recheck(
    orchestrator: &Orchestrator,
    actor: &Actor,
    person_id: PersonId,
    groups: &[Group],
) -> Result<()> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("rule.recheck").await?;
    let person = identity::get(&mut tx, person_id).await?;
    apply(&mut tx, &person, groups).await?;
    tx.commit().await
}

/// Whether some rule gives something to a member of these groups.
pub(in crate::identity) async fn knows(tx: &mut Tx, groups: &[Group]) -> Result<bool> {
    let rules = store::list(tx).await?;
    Ok(rules.iter().any(|rule| groups.contains(&rule.group)))
}

/// Takes over in which of all groups a person is now, and what that gives.
pub(in crate::identity) async fn apply(tx: &mut Tx, person: &Person, groups: &[Group]) -> Result<()> {
    store::seen::replace_groups(tx, person.person_id, groups).await?;
    let granted = granted(&store::list(tx).await?, groups);
    give(tx, person.person_id, &granted).await
}

/// Makes the roles that rules give be these. Whoever loses the last role of all by that is signed out.
pub(super) async fn give(tx: &mut Tx, person_id: PersonId, granted: &Granted) -> Result<()> {
    let had_one = has_a_role(tx, person_id).await?;
    store::set_platform_role(tx, person_id, granted.platform).await?;
    project::set_roles_by_rule(tx, person_id, &granted.projects).await?;
    if had_one && !has_a_role(tx, person_id).await? {
        session::end_all_of(tx, person_id).await?;
    }
    Ok(())
}

async fn has_a_role(tx: &mut Tx, person_id: PersonId) -> Result<bool> {
    let person = identity::get(tx, person_id).await?;
    Ok(person.platform_role.is_some() || project::is_member_of_any(tx, person_id).await?)
}

/// A name as the code host has them, and nothing that would be another path there.
fn check_name(name: &str) -> Result<()> {
    let fits = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fits && !name.is_empty() && name.len() <= 100 && !name.starts_with('.') {
        return Ok(());
    }
    Err(Error::Invalid(
        "org and team are names as in GitHub's addresses: letters, digits, hyphens, underscores, dots".into(),
    ))
}

async fn record(tx: &mut Tx, actor: &Actor, operation: &str, rule: &Rule) -> Result<()> {
    let project_id = match rule.grant {
        Grant::Project(project_id, _) => Some(project_id),
        Grant::Platform(_) => None,
    };
    let object = ("membership_rule", rule.membership_rule_id);
    audit::record_own(tx, actor, operation, object, project_id).await
}
