//! Manifests as they are applied: images and settings put in, the namespace forced. Values are replaced in parsed
//! documents, so nothing put in can change a document's shape.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::domain::{Part, Stack};
use super::validate::Faults;

/// Image references and settings by name. A manifest asks for one by writing its name as an `image`, or as the `value` of
/// an environment variable; one that has the name of an environment variable replaces what the manifest says.
pub type Values = BTreeMap<String, String>;

/// Names in manifests that somebody must give a value begin so.
const PREFIX: &str = "CODEXK8S_";

/// Kinds that may be deployed, and whether they live in a namespace.
const KINDS: [(&str, bool); 19] = [
    ("ClusterRole", false),
    ("ClusterRoleBinding", false),
    ("ConfigMap", true),
    ("Deployment", true),
    ("HorizontalPodAutoscaler", true),
    ("Ingress", true),
    ("Job", true),
    ("LimitRange", true),
    ("Namespace", false),
    ("NetworkPolicy", true),
    ("PodDisruptionBudget", true),
    ("ResourceQuota", true),
    ("Role", true),
    ("RoleBinding", true),
    ("Service", true),
    ("ServiceAccount", true),
    ("StatefulSet", true),
    ("ValidatingAdmissionPolicy", false),
    ("ValidatingAdmissionPolicyBinding", false),
];

#[derive(Deserialize)]
struct Kustomization {
    resources: Vec<String>,
}

/// Renders a stack for an environment: all documents in the order of deploying. `read` answers the text of a file by its
/// path beneath the folder of services.yaml.
///
/// # Errors
///
/// Every value that is missing, every image without a digest, every kind that may not be deployed.
pub fn render(
    stack: &Stack,
    environment: &str,
    values: &Values,
    mut read: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, Faults> {
    let Some(namespace) = stack.namespace(environment) else {
        let known: Vec<_> = stack.environments.keys().map(String::as_str).collect();
        return Err(Faults::one(format!(
            "there is no environment {environment}; there are: {}",
            known.join(", ")
        )));
    };
    let mut faults = Vec::new();
    let mut documents = Vec::new();
    for part in stack.order() {
        match documents_of(part, &mut read) {
            Ok(found) => documents.extend(found),
            Err(fault) => faults.push(fault),
        }
    }
    let mut filler = Filler {
        stack,
        values,
        used: BTreeSet::new(),
        faults,
    };
    for document in &mut documents {
        place(document, namespace, &mut filler.faults);
        filler.fill(document);
    }
    let mut faults = filler.faults;
    let unused = values.keys().filter(|name| !filler.used.contains(name.as_str()));
    faults.extend(unused.map(|name| format!("{name} is given, but no manifest has it")));
    faults.sort();
    faults.dedup();
    let documents = Faults::settle(faults, documents)?;
    serde_saphyr::to_string_multiple(&documents).map_err(|error| Faults::one(error.to_string()))
}

/// The documents of a folder, in the order of its kustomization.
fn documents_of(
    part: Part<'_>,
    read: &mut impl FnMut(&str) -> Result<String, String>,
) -> Result<Vec<Value>, String> {
    let path = format!("{}/kustomization.yaml", part.manifests);
    let list: Kustomization =
        serde_saphyr::from_str(&read(&path)?).map_err(|error| format!("{path}: {error}"))?;
    let mut documents = Vec::new();
    for resource in list.resources {
        let path = format!("{}/{resource}", part.manifests);
        let found: Vec<Value> =
            serde_saphyr::from_multiple(&read(&path)?).map_err(|error| format!("{path}: {error}"))?;
        documents.extend(found.into_iter().filter(|it| !it.is_null()));
    }
    Ok(documents)
}

/// Forces the namespace on what lives in one, and refuses what may not be deployed.
fn place(document: &mut Value, namespace: &str, faults: &mut Vec<String>) {
    let kind = document["kind"].as_str().unwrap_or_default().to_owned();
    let name = document["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let Some((_, namespaced)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        faults.push(format!("{kind} {name}: this kind may not be deployed"));
        return;
    };
    if kind == "Namespace" && name != namespace {
        faults.push(format!(
            "the environment's namespace is {namespace}, but the manifests make the namespace {name}; policies and \
             addresses name it too, so change all of them"
        ));
    }
    if *namespaced && let Some(metadata) = document["metadata"].as_object_mut() {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
}

/// Puts values into documents.
struct Filler<'a> {
    stack: &'a Stack,
    values: &'a Values,
    used: BTreeSet<&'a str>,
    faults: Vec<String>,
}

impl Filler<'_> {
    fn fill(&mut self, node: &mut Value) {
        match node {
            Value::Object(fields) => {
                // An environment variable may have a value already; one that is given replaces it.
                let name = fields.get("name").and_then(Value::as_str).map(str::to_owned);
                for (key, field) in fields {
                    match (key.as_str(), field) {
                        ("image", Value::String(text)) => self.put(text, None),
                        ("value", Value::String(text)) => self.put(text, name.as_deref()),
                        (_, field) => self.fill(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill(item)),
            _ => {}
        }
    }

    fn put(&mut self, text: &mut String, name: Option<&str>) {
        let given = name.and_then(|name| self.values.get_key_value(name));
        let asked = text.starts_with(PREFIX);
        let by_text = self.values.get_key_value(text.as_str());
        if let (Some((name, value)), Some((from, other))) = (given, by_text) {
            self.used.insert(from);
            if value != other {
                self.faults.push(format!(
                    "{name} is {value:?}, but it is the same as {from}, which is {other:?}: leave {name} out"
                ));
            }
        }
        match given.or(by_text) {
            None if asked => self.faults.push(format!("{text} is not given")),
            None => {}
            Some((name, value)) => {
                self.used.insert(name);
                let is_image = self.stack.images.iter().any(|it| it.variable == *name);
                if is_image && !is_pinned(value) {
                    self.faults.push(format!(
                        "{name} is {value:?}: name the image by digest, as in registry.example/name@sha256:..."
                    ));
                }
                value.clone_into(text);
            }
        }
    }
}

/// Whether a reference can mean one image only.
fn is_pinned(reference: &str) -> bool {
    reference.split_once("@sha256:").is_some_and(|(name, digest)| {
        !name.is_empty() && digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "
apiVersion: codexk8s.dev/v1alpha1
kind: ServiceStack
metadata: {name: shop}
spec:
  environments: {production: {namespace: shop}}
  images:
    - {name: api, variable: CODEXK8S_API_IMAGE, build: {dockerfile: Dockerfile}}
  deployOrder: [stateful, migrations, internal, edge, frontend]
  services:
    - {name: api, deployGroup: internal, manifests: deploy/api, images: [api]}
";
    const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  image: CODEXK8S_API_IMAGE
  env: [{name: CODEXK8S_API_IMAGE, value: CODEXK8S_API_IMAGE}, {name: A, value: CODEXK8S_GREETING}, {name: B, value: b}]
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
";

    fn files(deployment: &str) -> impl FnMut(&str) -> Result<String, String> {
        move |path| match path {
            "deploy/api/kustomization.yaml" => Ok("resources: [all.yaml]".to_owned()),
            "deploy/api/all.yaml" => Ok(deployment.to_owned()),
            other => Err(format!("{other} is not there")),
        }
    }

    fn values(image: &str) -> Values {
        let greeting = "yes: no\n# \"{[";
        [
            ("CODEXK8S_API_IMAGE", image),
            ("CODEXK8S_GREETING", greeting),
            ("B", "c"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn values_stay_values() {
        let stack = Stack::parse(STACK).unwrap();
        let image = format!("r.example/api@sha256:{}", "a".repeat(64));
        let rendered = render(&stack, "production", &values(&image), files(DEPLOYMENT)).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&rendered).unwrap();
        let api = &documents[0];
        assert_eq!(api["metadata"]["namespace"], "shop");
        assert_eq!(api["spec"]["image"], image);
        assert_eq!(api["spec"]["env"][0]["name"], "CODEXK8S_API_IMAGE");
        assert_eq!(api["spec"]["env"][0]["value"], image);
        assert_eq!(api["spec"]["env"][1]["value"], "yes: no\n# \"{[");
        assert_eq!(api["spec"]["env"][2]["value"], "c");
        assert_eq!(documents[1]["metadata"].get("namespace"), None);
    }

    #[test]
    fn what_two_programs_share_is_said_once() {
        let stack = Stack::parse(STACK).unwrap();
        let mut values = values(&format!("r.example/api@sha256:{}", "a".repeat(64)));
        values.insert("A".into(), "another greeting".into());
        let error = render(&stack, "production", &values, files(DEPLOYMENT)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("A is \"another greeting\", but it is the same as CODEXK8S_GREETING"),
            "{error}"
        );
        let same = values["CODEXK8S_GREETING"].clone();
        values.insert("A".into(), same);
        assert!(render(&stack, "production", &values, files(DEPLOYMENT)).is_ok());
    }

    #[test]
    fn what_is_missing_or_not_allowed_is_told_at_once() {
        let stack = Stack::parse(STACK).unwrap();
        let odd = DEPLOYMENT.replace("kind: Namespace", "kind: PodSecurityPolicy");
        let tagged = values("r.example/api:latest");
        let odd = odd.replace("CODEXK8S_GREETING", "CODEXK8S_OTHER");
        insta::assert_snapshot!(render(&stack, "production", &tagged, files(&odd)).unwrap_err());
        let error = render(&stack, "staging", &tagged, files(&odd)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no environment staging; there are: production"
        );
    }
}
