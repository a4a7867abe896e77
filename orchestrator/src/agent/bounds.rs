//! What a project's profile may say beside the platform's of the same stage: isolation never widens. Pure.
//!
//! A project chooses its program, its model and which paths of its own repository a stage works on. What the platform's
//! profile says against it stays: the sandbox it asks for, the paths that are never changed, the time that is the most.
//! What a pod may use of the cluster is the worker's to bound, whatever a profile asks for.

use super::profile::Profile;

impl Profile {
    /// The same profile, with what the platform's holds it to. One that [`beyond`] finds nothing in stays as it is.
    #[must_use]
    pub fn held_to(mut self, platform: &Self) -> Self {
        let missing = missing_excludes(&self, platform);
        self.write_exclude.extend(missing);
        if platform.runtime_class.is_some() {
            self.runtime_class.clone_from(&platform.runtime_class);
        }
        if let Some(most) = platform.active_seconds {
            self.active_seconds = Some(self.active_seconds.map_or(most, |own| own.min(most)));
        }
        self
    }
}

/// What a project's profile would take away of the protection that the platform's of its stage gives: each fault by its
/// field.
pub(super) fn beyond(own: &Profile, platform: &Profile) -> Vec<String> {
    let stage = &own.stage;
    let runtime_class = platform
        .runtime_class
        .as_ref()
        .filter(|class| own.runtime_class.as_ref() != Some(class))
        .map(|class| {
            format!("runtime_class: the platform runs the stage {stage} in {class}, and so must a project")
        });
    let missing = missing_excludes(own, platform);
    let write_exclude = (!missing.is_empty()).then(|| {
        format!(
            "write_exclude: must name {} too, which the platform's profile of the stage {stage} never changes",
            missing.join(", ")
        )
    });
    let active_seconds = platform
        .active_seconds
        .filter(|most| own.active_seconds.is_none_or(|own| own > *most))
        .map(|most| {
            format!("active_seconds: at most {most}, as the platform's profile of the stage {stage} says")
        });
    [runtime_class, write_exclude, active_seconds]
        .into_iter()
        .flatten()
        .collect()
}

/// Globs that the platform's profile excludes and this one does not. Those of protected paths are among them unless the
/// platform's own names the path: that a project's names it unlocks nothing.
fn missing_excludes(own: &Profile, platform: &Profile) -> Vec<String> {
    let there = own.excluded();
    let kept = platform.excluded().into_iter();
    kept.filter(|glob| !there.contains(glob)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::profile::{Adapter, Output};
    use super::*;

    fn platform() -> Profile {
        Profile {
            runtime_class: Some("gvisor".into()),
            write_include: vec!["/src/**".into(), "/services.yaml".into()],
            write_exclude: vec!["/vendor/**".into()],
            active_seconds: Some(1800),
            ..Profile::codex("dev", Output::PullRequest)
        }
    }

    type Change = fn(&mut Profile);

    #[rstest]
    #[case::the_same(|_: &mut Profile| {}, &[])]
    #[case::no_sandbox(|own: &mut Profile| own.runtime_class = None, &["runtime_class"])]
    #[case::another_sandbox(|own: &mut Profile| own.runtime_class = Some("runc".into()), &["runtime_class"])]
    #[case::less_time(|own: &mut Profile| own.active_seconds = Some(60), &[])]
    #[case::more_time(|own: &mut Profile| own.active_seconds = Some(1801), &["active_seconds"])]
    #[case::no_end(|own: &mut Profile| own.active_seconds = None, &["active_seconds"])]
    #[case::more_is_excluded(|own: &mut Profile| own.write_exclude.push("*.lock".into()), &[])]
    #[case::nothing_is_excluded(|own: &mut Profile| own.write_exclude.clear(), &["write_exclude"])]
    #[case::names_a_protected_path(|own: &mut Profile| own.write_include = vec!["/.github/**".into()], &["write_exclude"])]
    #[case::names_what_the_platform_names(|own: &mut Profile| own.write_include = vec!["/services.yaml".into()], &[])]
    #[case::other_paths(|own: &mut Profile| own.write_include = vec!["/docs/**".into()], &[])]
    #[case::every_path(|own: &mut Profile| own.write_include.clear(), &[])]
    #[case::another_program(|own: &mut Profile| (own.adapter, own.command) = (Adapter::Command, vec!["agent".into()]), &[])]
    #[case::another_size(|own: &mut Profile| own.cpu = "64".into(), &[])]
    #[case::everything(
        |own: &mut Profile| *own = Profile { write_include: vec!["/.github/**".into()], ..Profile::codex("dev", Output::None) },
        &["runtime_class", "write_exclude", "active_seconds"]
    )]
    fn a_project_keeps_what_the_platform_protects(#[case] change: Change, #[case] fields: &[&str]) {
        let mut own = platform();
        change(&mut own);
        let faults = beyond(&own, &platform());
        let named: Vec<_> = faults
            .iter()
            .filter_map(|fault| fault.split(':').next())
            .collect();
        assert_eq!(named, fields, "{faults:?}");
        let held = own.clone().held_to(&platform());
        assert_eq!(beyond(&held, &platform()), [""; 0], "{held:?}");
        if fields.is_empty() {
            assert_eq!(held, own, "what is within stays as it is");
        }
        let kept = platform().excluded();
        assert!(kept.iter().all(|glob| held.excluded().contains(glob)), "{held:?}");
    }

    #[test]
    fn a_platform_that_asks_for_nothing_bounds_nothing_but_protected_paths() {
        let bare = Profile::codex("dev", Output::PullRequest);
        let own = platform();
        let faults = beyond(&own, &bare);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults.iter().all(|fault| fault.contains("/services.yaml")),
            "{faults:?}"
        );
        assert_eq!(own.clone().held_to(&bare).runtime_class, own.runtime_class);
    }
}
