//! Whether the parts of services.yaml fit together.

use std::collections::BTreeSet;
use std::fmt;

use super::domain::{API_VERSION, DeployGroup, File, Image, KIND, Service, Spec, namespace};

/// Everything that is wrong with a file, so that a person mends it once.
#[derive(Debug, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl Faults {
    pub(super) fn one(fault: impl Into<String>) -> Self {
        Self(vec![fault.into()])
    }

    pub(super) fn settle<T>(faults: Vec<String>, value: T) -> Result<T, Self> {
        if faults.is_empty() {
            Ok(value)
        } else {
            Err(Self(faults))
        }
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

pub(super) fn check(file: &File) -> Result<(), Faults> {
    let mut faults = Vec::new();
    if (file.api_version.as_str(), file.kind.as_str()) != (API_VERSION, KIND) {
        faults.push(format!("expected apiVersion {API_VERSION} and kind {KIND}"));
    }
    let spec = &file.spec;
    if spec.deploy_order != DeployGroup::ALL {
        faults.push("deployOrder must be [stateful, migrations, internal, edge, frontend]".into());
    }
    names(file, &mut faults);
    for environment in spec.environments.keys() {
        if namespace(&spec.environments, environment).is_none() {
            faults.push(format!(
                "environment {environment}: neither it nor what it is based on says a namespace"
            ));
        }
    }
    for image in &spec.images {
        image_faults(image, &mut faults);
    }
    for service in &spec.services {
        service_faults(spec, service, &mut faults);
    }
    for service in circles(&spec.services) {
        faults.push(format!("service {service}: depends on itself"));
    }
    Faults::settle(faults, ())
}

/// Names are parts of names of objects, so they are DNS labels, and unique.
fn names(file: &File, faults: &mut Vec<String>) {
    let spec = &file.spec;
    let mut check = |what: &str, names: Vec<&str>| {
        let mut seen = BTreeSet::new();
        for name in names {
            if !is_dns_label(name) {
                faults.push(format!(
                    "{what} {name:?}: use lower-case letters, digits and hyphens, beginning with a letter"
                ));
            }
            if !seen.insert(name) {
                faults.push(format!("{what} {name}: there are two"));
            }
        }
    };
    check("stack", vec![&file.metadata.name]);
    check(
        "environment",
        spec.environments.keys().map(String::as_str).collect(),
    );
    check("image", spec.images.iter().map(|it| it.name.as_str()).collect());
    let infrastructure = spec.infrastructure.iter().map(|it| it.name.as_str());
    let services = spec.services.iter().map(|it| it.name.as_str());
    check("part", infrastructure.chain(services).collect());
    let namespaces = spec
        .environments
        .values()
        .filter_map(|it| it.namespace.as_deref());
    for namespace in namespaces.filter(|it| !is_dns_label(it)) {
        faults.push(format!("namespace {namespace:?}: not a DNS label"));
    }
    let infrastructure = spec.infrastructure.iter().map(|it| it.manifests.as_str());
    let services = spec.services.iter().map(|it| it.manifests.as_str());
    let dockerfiles = spec
        .images
        .iter()
        .filter_map(|it| Some(it.build.as_ref()?.dockerfile.as_str()));
    for path in infrastructure
        .chain(services)
        .chain(dockerfiles)
        .filter(|it| !stays_inside(it))
    {
        faults.push(format!(
            "path {path:?}: must lead down from the folder of services.yaml"
        ));
    }
}

fn image_faults(image: &Image, faults: &mut Vec<String>) {
    let expected = format!("CODEXK8S_{}_IMAGE", image.name.to_uppercase().replace('-', "_"));
    if image.variable != expected {
        faults.push(format!("image {}: its variable must be {expected}", image.name));
    }
    if image.external == image.build.is_some() {
        faults.push(format!(
            "image {}: either build it, or say external: true",
            image.name
        ));
    }
    if let Some(build) = &image.build
        && build.package.is_some() != build.binary.is_some()
    {
        faults.push(format!("image {}: package and binary come together", image.name));
    }
}

fn service_faults(spec: &Spec, service: &Service, faults: &mut Vec<String>) {
    let name = &service.name;
    for image in &service.images {
        if !spec.images.iter().any(|it| it.name == *image) {
            faults.push(format!("service {name}: there is no image {image}"));
        }
    }
    for on in &service.depends_on {
        if spec.infrastructure.iter().any(|it| it.name == *on) {
            continue;
        }
        match spec.services.iter().find(|it| it.name == *on) {
            None => faults.push(format!("service {name}: depends on {on}, which is not there")),
            Some(other) if other.deploy_group > service.deploy_group => faults.push(format!(
                "service {name}: depends on {on}, which is deployed in a later group"
            )),
            Some(_) => {}
        }
    }
}

/// The services that can be reached from themselves.
fn circles(services: &[Service]) -> Vec<&str> {
    let names = services.iter().map(|it| it.name.as_str());
    names.filter(|name| reaches_itself(services, name)).collect()
}

fn reaches_itself(services: &[Service], start: &str) -> bool {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut next = depends_on(services, start);
    while let Some(here) = next.pop() {
        if here == start {
            return true;
        }
        if seen.insert(here) {
            next.extend(depends_on(services, here));
        }
    }
    false
}

fn depends_on<'a>(services: &'a [Service], name: &str) -> Vec<&'a str> {
    let service = services.iter().find(|it| it.name == name);
    service
        .into_iter()
        .flat_map(|it| it.depends_on.iter().map(String::as_str))
        .collect()
}

fn is_dns_label(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let bytes = name.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().copied().all(inner)
        && !name.ends_with('-')
}

fn stays_inside(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use crate::stack::Stack;

    const GOOD: &str = "
apiVersion: codexk8s.dev/v1alpha1
kind: ServiceStack
metadata: {name: shop}
spec:
  environments:
    base: {namespace: shop}
    production: {from: base}
  images:
    - {name: api, variable: CODEXK8S_API_IMAGE, build: {dockerfile: deploy/api/Dockerfile, package: api, binary: api}}
    - {name: db, variable: CODEXK8S_DB_IMAGE, external: true}
  infrastructure:
    - {name: policy, manifests: deploy/policy}
  deployOrder: [stateful, migrations, internal, edge, frontend]
  services:
    - {name: web, deployGroup: edge, dependsOn: [api], manifests: deploy/web}
    - {name: api, deployGroup: internal, dependsOn: [cache, db, policy], manifests: deploy/api, images: [api]}
    - {name: cache, deployGroup: internal, manifests: deploy/cache}
    - {name: db, deployGroup: stateful, manifests: deploy/db, images: [db]}
";

    #[test]
    fn the_order_follows_groups_and_dependencies() {
        let stack = Stack::parse(GOOD).unwrap();
        let order: Vec<_> = stack.order().iter().map(|it| it.name).collect();
        assert_eq!(order, ["policy", "db", "cache", "api", "web"]);
        assert_eq!(stack.namespace("production"), Some("shop"));
        assert_eq!(stack.namespace("staging"), None);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let bad = GOOD
            .replace("CODEXK8S_DB_IMAGE", "DB")
            .replace("images: [api]", "images: [apy]")
            .replace("dependsOn: [cache, db, policy]", "dependsOn: [web]")
            .replace("{namespace: shop}", "{from: production}")
            .replace("deploy/cache", "../cache")
            .replace("stateful, migrations, internal", "migrations, stateful, internal");
        insta::assert_snapshot!(Stack::parse(&bad).unwrap_err());
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let bad = GOOD.replace("external: true", "extern: true");
        assert!(Stack::parse(&bad).unwrap_err().to_string().contains("extern"));
    }
}
