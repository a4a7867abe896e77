//! What our objects are called and which labels they bear: how they are found again, and told from others'.

use std::collections::BTreeMap;

use orchestrator::ports::cluster::{ClusterError, RunnerKey};

use super::run_label;

/// Owner of every field we write.
pub const FIELD_MANAGER: &str = "codex-k8s";

pub(super) const INSTALLATION: &str = "codexk8s.dev/installation";
pub(super) const TRACEPARENT: &str = "codexk8s.dev/traceparent";
const PROJECT: &str = "codexk8s.dev/project";
const RUN_ID: &str = "codexk8s.dev/run-id";
const TURN: &str = "codexk8s.dev/turn";
const FENCE: &str = "codexk8s.dev/fence";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const COMPONENT: &str = "app.kubernetes.io/component";

/// Namespace names have 63 characters: what a project's slug (32) and the longest suffix leave.
pub(super) const MAX_PREFIX: usize = 22;

/// Names and labels of one installation.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn namespace(&self, project: &str) -> String {
        format!("{}-{project}-runners", self.prefix)
    }

    /// Whether a namespace can be one of ours, so that a mistake elsewhere never reaches another's objects.
    pub(super) fn owns(&self, namespace: &str) -> bool {
        namespace
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| rest.ends_with("-runners"))
    }

    /// Labels of everything in a project.
    pub(super) fn project_labels(&self, project: &str) -> BTreeMap<String, String> {
        labels([
            (INSTALLATION, self.prefix.clone()),
            (PROJECT, project.to_owned()),
            (MANAGED_BY, FIELD_MANAGER.to_owned()),
        ])
    }

    /// Labels of everything of one runner.
    pub(super) fn runner_labels(&self, key: &RunnerKey) -> BTreeMap<String, String> {
        let mut all = self.project_labels(&key.project);
        all.extend(runner_component());
        all.extend(labels([
            (RUN_ID, run_label(key.run_id)),
            (TURN, key.turn.to_string()),
            (FENCE, key.fence.to_string()),
        ]));
        all
    }

    /// Selects everything of this installation.
    pub(super) fn all(&self) -> String {
        format!("{INSTALLATION}={},{MANAGED_BY}={FIELD_MANAGER}", self.prefix)
    }

    /// Selects everything of one runner.
    pub(super) fn runner(&self, key: &RunnerKey) -> String {
        let labels = self.runner_labels(key);
        labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Whether an object's labels make it one of this installation.
    pub(super) fn is_ours(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        labels
            .and_then(|all| all.get(INSTALLATION))
            .is_some_and(|of| *of == self.prefix)
    }

    /// Refuses an object that bears the runner's name without being it.
    pub(super) fn require(
        &self,
        key: &RunnerKey,
        found: Option<&BTreeMap<String, String>>,
    ) -> Result<(), ClusterError> {
        if self.is_ours(found) && found.and_then(key_of).as_ref() == Some(key) {
            return Ok(());
        }
        Err(ClusterError::Refused(format!(
            "{} in {} is not ours: its labels name another owner; remove or rename it",
            runner_name(key),
            self.namespace(&key.project),
        )))
    }
}

/// Name of a runner's Job and Secret. The tail of a `UUIDv7` is its random part; its head would be shared by all runs of
/// the same minute. At most 49 characters, so that the pod's suffix still fits.
pub(super) fn runner_name(key: &RunnerKey) -> String {
    let id = key.run_id.uuid().simple().to_string();
    format!("run-{}-t{}-f{}", &id[20..], key.turn, key.fence)
}

/// What a pod of ours is for, as network policies select it.
pub(super) fn runner_component() -> BTreeMap<String, String> {
    labels([(COMPONENT, "runner".to_owned())])
}

/// Reads the runner back from labels; none if they are not all there and well-formed.
pub(super) fn key_of(labels: &BTreeMap<String, String>) -> Option<RunnerKey> {
    Some(RunnerKey {
        project: labels.get(PROJECT)?.clone(),
        run_id: labels.get(RUN_ID)?.parse().ok()?,
        turn: labels.get(TURN)?.parse().ok()?,
        fence: labels.get(FENCE)?.parse().ok()?,
    })
}

fn labels<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::manifest::tests::a_key;

    #[test]
    fn a_key_survives_its_labels() {
        let names = Names::new("codexk8s");
        assert_eq!(key_of(&names.runner_labels(&a_key())), Some(a_key()));
        let mut broken = names.runner_labels(&a_key());
        broken.insert(TURN.to_owned(), "first".to_owned());
        assert_eq!(key_of(&broken), None);
    }

    #[test]
    fn names_fit_and_differ_by_turn_and_fence() {
        let longest = RunnerKey {
            turn: i32::MAX,
            fence: i64::MAX,
            ..a_key()
        };
        assert!(runner_name(&longest).len() <= 49, "{}", runner_name(&longest));
        assert_ne!(
            runner_name(&a_key()),
            runner_name(&RunnerKey { turn: 2, ..a_key() })
        );
        assert_ne!(
            runner_name(&a_key()),
            runner_name(&RunnerKey { fence: 8, ..a_key() })
        );
        let names = Names::new(&"p".repeat(MAX_PREFIX));
        assert_eq!(names.namespace(&"s".repeat(32)).len(), 63);
    }

    #[test]
    fn only_our_namespaces_are_ours() {
        let names = Names::new("codexk8s");
        assert!(names.owns("codexk8s-shop-runners"));
        for foreign in [
            "kube-system",
            "codexk8s",
            "codexk8sx-shop-runners",
            "codexk8s-shop",
            "runners",
        ] {
            assert!(!names.owns(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_object_of_another_owner_is_refused() {
        let names = Names::new("codexk8s");
        let of = |prefix: &str, key: &RunnerKey| Names::new(prefix).runner_labels(key);
        assert!(names.require(&a_key(), Some(&of("codexk8s", &a_key()))).is_ok());
        let other_turn = RunnerKey { turn: 9, ..a_key() };
        for found in [
            None,
            Some(of("other", &a_key())),
            Some(of("codexk8s", &other_turn)),
        ] {
            assert!(matches!(
                names.require(&a_key(), found.as_ref()),
                Err(ClusterError::Refused(_))
            ));
        }
    }
}
