use std::path::PathBuf;

use serde::Deserialize;

use crate::repository::{METADATA, files_beneath, read, root};

/// The part of deny.toml that says who may use what.
#[derive(Deserialize)]
pub(crate) struct Deny {
    bans: Bans,
    pub(crate) licenses: Licenses,
    pub(crate) sources: Sources,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    wrappers: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Licenses {
    pub(crate) allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Sources {
    pub(crate) allow_registry: Vec<String>,
}

pub(crate) fn deny() -> Deny {
    toml::from_str(&read("deny.toml")).expect("deny.toml")
}

#[test]
fn every_sdk_has_one_home() {
    let dependents = METADATA.dependents();
    let mut breaches = Vec::new();
    for ban in deny().bans.deny {
        for parent in dependents.get(&*ban.name).into_iter().flatten() {
            if !ban.wrappers.iter().any(|allowed| allowed == parent) {
                breaches.push(format!(
                    "{parent} depends on {}, which is for {:?}",
                    ban.name, ban.wrappers
                ));
            }
        }
    }
    assert_eq!(
        breaches,
        Vec::<String>::new(),
        "see docs/ARCHITECTURE.md, \"Walls\""
    );
}

#[test]
fn the_walls_that_hold_the_design_are_in_the_list() {
    let bans = deny().bans.deny;
    for name in [
        "sqlx",
        "riverqueue",
        "kube",
        "k8s-openapi",
        "octocrab",
        "rmcp",
        "axum",
    ] {
        assert!(
            bans.iter().any(|ban| ban.name == name),
            "deny.toml says nothing of {name}"
        );
    }
    for edge in ["axum", "rmcp", "kube", "k8s-openapi", "octocrab"] {
        let ban = bans.iter().find(|ban| ban.name == edge).expect("there");
        assert!(
            !ban.wrappers.iter().any(|it| it == "orchestrator"),
            "the domain knows no {edge}"
        );
    }
}

#[test]
fn nothing_that_is_deployed_needs_the_lab() {
    assert_eq!(METADATA.dependents().get("lab"), None);
}

/// The feature keeps the domain from sqlx, but only while somebody else's feature does not bring it.
#[test]
fn the_domain_names_no_sdk() {
    let mut breaches = Vec::new();
    let of_a_domain = |file: &PathBuf| {
        file.ends_with("domain.rs") || file.components().any(|part| part.as_os_str() == "domain")
    };
    let files = files_beneath(&root().join("orchestrator/src"), ".rs");
    for file in files.into_iter().filter(of_a_domain) {
        let text = std::fs::read_to_string(&file).expect("text");
        for sdk in [
            "sqlx",
            "tokio",
            "riverqueue",
            "axum",
            "rmcp",
            "kube",
            "octocrab",
            "reqwest",
        ] {
            if text.contains(&format!("{sdk}::")) {
                breaches.push(format!("{}: {sdk}", file.display()));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}
