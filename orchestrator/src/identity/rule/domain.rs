//! What rules give to members of groups.

#[cfg(any(feature = "postgres", test))]
use std::collections::BTreeMap;

use crate::actor::{PlatformRole, Role};
use crate::id::{MembershipRuleId, ProjectId};
use crate::ports::identity::Group;

/// What members get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    Project(ProjectId, Role),
    Platform(PlatformRole),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub membership_rule_id: MembershipRuleId,
    pub group: Group,
    pub grant: Grant,
}

/// All that somebody gets: of several roles in one place the strongest.
#[cfg(any(feature = "postgres", test))]
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) platform: Option<PlatformRole>,
    pub(super) projects: BTreeMap<ProjectId, Role>,
}

#[cfg(any(feature = "postgres", test))]
pub(super) fn granted(rules: &[Rule], groups: &[Group]) -> Granted {
    let mut all = Granted::default();
    for rule in rules.iter().filter(|rule| groups.contains(&rule.group)) {
        match rule.grant {
            Grant::Project(project_id, role) => {
                let held = all.projects.entry(project_id).or_insert(role);
                *held = role.max(*held);
            }
            Grant::Platform(role) => {
                all.platform = all
                    .platform
                    .into_iter()
                    .chain([role])
                    .max_by_key(|role| strength(*role));
            }
        }
    }
    all
}

/// The groups that nobody has listed yet and that can be what gave somebody a role it holds: until they are listed, that
/// is not taken away. Only a role that is exactly the rule's counts, so nobody gets more by it.
#[cfg(any(feature = "postgres", test))]
pub(super) fn assumed(unlisted: &[Rule], held: &Granted) -> Vec<Group> {
    let gave = |rule: &&Rule| match rule.grant {
        Grant::Project(project_id, role) => held.projects.get(&project_id) == Some(&role),
        Grant::Platform(role) => held.platform == Some(role),
    };
    unlisted
        .iter()
        .filter(gave)
        .map(|rule| rule.group.clone())
        .collect()
}

#[cfg(any(feature = "postgres", test))]
fn strength(role: PlatformRole) -> u8 {
    match role {
        PlatformRole::Auditor => 0,
        PlatformRole::Operator => 1,
        PlatformRole::Owner => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(org: &str, team: Option<&str>, grant: Grant) -> Rule {
        Rule {
            membership_rule_id: MembershipRuleId::new(),
            group: group(org, team),
            grant,
        }
    }

    fn group(org: &str, team: Option<&str>) -> Group {
        Group {
            org: org.into(),
            team: team.map(str::to_owned),
        }
    }

    #[test]
    fn what_nobody_has_asked_about_takes_nothing_away_and_gives_nothing() {
        let shop = ProjectId::new();
        let admins = rule("acme", Some("admins"), Grant::Project(shop, Role::Admin));
        let heads = rule("acme", Some("heads"), Grant::Platform(PlatformRole::Owner));
        let unlisted = [admins.clone(), heads];
        let holds = |role| Granted {
            platform: None,
            projects: BTreeMap::from([(shop, role)]),
        };
        assert_eq!(assumed(&unlisted, &holds(Role::Admin)), [admins.group]);
        assert_eq!(assumed(&unlisted, &holds(Role::Viewer)), []);
        assert_eq!(assumed(&unlisted, &Granted::default()), []);
    }

    #[test]
    fn members_get_the_strongest_of_what_their_groups_get() {
        let (shop, site) = (ProjectId::new(), ProjectId::new());
        let rules = [
            rule("acme", None, Grant::Project(shop, Role::Viewer)),
            rule("acme", Some("core"), Grant::Project(shop, Role::Maintainer)),
            rule("acme", Some("web"), Grant::Project(site, Role::Admin)),
            rule("acme", Some("ops"), Grant::Platform(PlatformRole::Operator)),
            rule("acme", Some("heads"), Grant::Platform(PlatformRole::Auditor)),
        ];
        assert_eq!(granted(&rules, &[]), Granted::default());
        let everybody = granted(&rules, &[group("acme", None)]);
        assert_eq!(everybody.projects, BTreeMap::from([(shop, Role::Viewer)]));
        let core = granted(&rules, &[group("acme", Some("core")), group("acme", None)]);
        assert_eq!(core.projects, BTreeMap::from([(shop, Role::Maintainer)]));
        let both = granted(
            &rules,
            &[group("acme", Some("heads")), group("acme", Some("ops"))],
        );
        assert_eq!(both.platform, Some(PlatformRole::Operator));
        assert_eq!(
            granted(&rules, &[group("other", Some("core"))]),
            Granted::default()
        );
    }
}
