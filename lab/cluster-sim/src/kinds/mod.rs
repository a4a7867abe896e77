//! The kinds the simulator knows: one table that discovery, routing and the store read.

pub(crate) mod columns;

/// One resource of the API.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) name: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) namespaced: bool,
    /// Whether `status` is a resource of its own, so that a write to one leaves the other alone.
    pub(crate) has_status: bool,
    pub(crate) in_all: bool,
}

const fn kind(
    group: &'static str,
    name: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
) -> Kind {
    Kind {
        group,
        version: "v1",
        name,
        plural,
        short,
        namespaced: true,
        has_status: false,
        in_all: false,
    }
}

impl Kind {
    const fn cluster(mut self) -> Self {
        self.namespaced = false;
        self
    }

    const fn status(mut self) -> Self {
        self.has_status = true;
        self
    }

    const fn all(mut self) -> Self {
        self.in_all = true;
        self
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Names the resource as error messages and quotas do: `jobs.batch`, `pods`.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.name == kind
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// All kinds. Those without a controller of ours (Deployment, Ingress, roles, policies...) are stored, not acted upon.
pub(crate) static KINDS: &[Kind] = &[
    kind("", "Namespace", "namespaces", &["ns"]).cluster().status(),
    kind("", "Node", "nodes", &["no"]).cluster().status(),
    kind("", "Pod", "pods", &["po"]).status().all(),
    kind("", "Secret", "secrets", &[]),
    kind("", "ConfigMap", "configmaps", &["cm"]),
    kind("", "Service", "services", &["svc"]).status().all(),
    kind("", "ServiceAccount", "serviceaccounts", &["sa"]),
    kind("", "Event", "events", &["ev"]),
    kind("", "ResourceQuota", "resourcequotas", &["quota"]).status(),
    kind("", "LimitRange", "limitranges", &["limits"]),
    kind("", "PersistentVolumeClaim", "persistentvolumeclaims", &["pvc"]).status(),
    kind("apps", "Deployment", "deployments", &["deploy"])
        .status()
        .all(),
    kind("apps", "StatefulSet", "statefulsets", &["sts"])
        .status()
        .all(),
    kind("batch", "Job", "jobs", &[]).status().all(),
    kind("batch", "CronJob", "cronjobs", &["cj"]).status().all(),
    kind("coordination.k8s.io", "Lease", "leases", &[]),
    kind(
        "networking.k8s.io",
        "NetworkPolicy",
        "networkpolicies",
        &["netpol"],
    ),
    kind("networking.k8s.io", "Ingress", "ingresses", &["ing"]).status(),
    kind("policy", "PodDisruptionBudget", "poddisruptionbudgets", &["pdb"]).status(),
    kind(RBAC, "Role", "roles", &[]),
    kind(RBAC, "RoleBinding", "rolebindings", &[]),
    kind(RBAC, "ClusterRole", "clusterroles", &[]).cluster(),
    kind(RBAC, "ClusterRoleBinding", "clusterrolebindings", &[]).cluster(),
    kind(
        ADMISSION,
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        &[],
    )
    .cluster()
    .status(),
    kind(
        ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        &[],
    )
    .cluster(),
];

pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

/// Finds a kind of the table by its name, which is unique there.
///
/// # Panics
///
/// If the table has no such kind: a mistake in our own code.
pub(crate) fn named(name: &str) -> &'static Kind {
    KINDS
        .iter()
        .find(|kind| kind.name == name)
        .expect("the table has this kind")
}

/// Finds what an owner reference points to.
pub(crate) fn referenced(api_version: &str, name: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| kind.name == name && kind.api_version() == api_version)
}

/// Gives the groups other than core, each once, in the table's order.
pub(crate) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&'static str> = Vec::new();
    for kind in KINDS {
        if !kind.group.is_empty() && !groups.contains(&kind.group) {
            groups.push(kind.group);
        }
    }
    groups
}
