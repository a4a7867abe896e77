//! Paths of the API.

use crate::error::{ApiError, Result};
use crate::kinds::{self, Kind};

/// A resource or a collection that a path names.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) kind: &'static Kind,
    /// Absent for cluster-scoped kinds and for lists over all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Target {
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> Result<&str> {
        self.name.as_deref().ok_or_else(ApiError::method_not_allowed)
    }

    pub(crate) fn in_store(&self) -> Result<crate::store::update::Target<'_>> {
        Ok(crate::store::update::Target {
            kind: self.kind,
            namespace: self.namespace(),
            name: self.name()?,
            status: self.subresource.as_deref() == Some("status"),
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Route {
    Version,
    CoreVersions,
    Groups,
    Group(String),
    /// Group (empty for core) and version.
    Resources(String, String),
    OpenApiIndex,
    OpenApi(String, String),
    AccessReview,
    Resource(Target),
}

/// Names the resource in a path for faults, without asking whether it exists; empty if there is none.
pub(crate) fn resource_of(path: &str) -> &str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let rest = match parts.first() {
        Some(&"api") => parts.get(2..),
        Some(&"apis") => parts.get(3..),
        _ => None,
    };
    match rest {
        Some(["namespaces", _, plural, ..]) if !matches!(*plural, "status" | "finalize") => plural,
        Some([plural, ..]) => plural,
        _ => "",
    }
}

pub(crate) fn parse(path: &str) -> Result<Route> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let own = |text: &str| text.to_owned();
    Ok(match parts.as_slice() {
        ["version"] => Route::Version,
        ["api"] => Route::CoreVersions,
        ["apis"] => Route::Groups,
        ["openapi", "v3"] => Route::OpenApiIndex,
        ["openapi", "v3", "api", version] => Route::OpenApi(String::new(), own(version)),
        ["openapi", "v3", "apis", group, version] => Route::OpenApi(own(group), own(version)),
        ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => Route::AccessReview,
        ["api", version] => Route::Resources(String::new(), own(version)),
        ["apis", group] => Route::Group(own(group)),
        ["apis", group, version] => Route::Resources(own(group), own(version)),
        ["api", version, rest @ ..] => Route::Resource(resource("", version, rest)?),
        ["apis", group, version, rest @ ..] => Route::Resource(resource(group, version, rest)?),
        _ => return Err(ApiError::no_such_path()),
    })
}

fn resource(group: &str, version: &str, rest: &[&str]) -> Result<Target> {
    let (namespace, rest) = match rest {
        // A namespace's own subresources look like a kind inside it.
        ["namespaces", _, "status" | "finalize"] => (None, rest),
        ["namespaces", namespace, inner @ ..] if !inner.is_empty() => (Some((*namespace).to_owned()), inner),
        _ => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(name), None),
        [plural, name, subresource] => (plural, Some(name), Some(subresource)),
        _ => return Err(ApiError::no_such_path()),
    };
    let kind = kinds::find(group, version, plural).ok_or_else(ApiError::no_such_path)?;
    if kind.namespaced != namespace.is_some() && (name.is_some() || !kind.namespaced) {
        return Err(ApiError::no_such_path());
    }
    if subresource == Some(&"status") && !kind.has_status {
        return Err(ApiError::no_such_path());
    }
    let own = |text: Option<&&str>| text.map(|text| (*text).to_owned());
    Ok(Target {
        kind,
        namespace,
        name: own(name),
        subresource: own(subresource),
    })
}

#[cfg(test)]
mod tests {
    use super::{Route, parse, resource_of};

    #[test]
    fn paths_lead_to_resources() {
        let target = |path: &str| match parse(path) {
            Ok(Route::Resource(target)) => Some((
                target.kind.plural,
                target.namespace,
                target.name,
                target.subresource,
            )),
            _ => None,
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(target("/api/v1/pods"), Some(("pods", None, None, None)));
        assert_eq!(
            target("/api/v1/namespaces/x"),
            Some(("namespaces", None, some("x"), None))
        );
        assert_eq!(
            target("/api/v1/namespaces/x/status"),
            Some(("namespaces", None, some("x"), some("status")))
        );
        assert_eq!(
            target("/api/v1/namespaces/x/pods/y/log"),
            Some(("pods", some("x"), some("y"), some("log")))
        );
        assert_eq!(
            target("/apis/batch/v1/namespaces/x/jobs"),
            Some(("jobs", some("x"), None, None))
        );
        for wrong in [
            "/apis/batch/v2/jobs",
            "/api/v1/pods/y",
            "/api/v1/namespaces/x/nodes/y",
            "/api/v1/widgets",
        ] {
            assert_eq!(target(wrong), None, "{wrong}");
        }
        assert_eq!(resource_of("/apis/batch/v1/namespaces/x/jobs/y/status"), "jobs");
        assert_eq!(resource_of("/api/v1/namespaces/x"), "namespaces");
    }
}
