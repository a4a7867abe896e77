//! One truth about what is deployed: services.yaml, the folders, the images, and the programs' own configurations agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use clap::CommandFactory as _;
use rstest::rstest;
use serde::Deserialize;

use crate::manifests::{self, containers, documents, entries, name_of, root};

#[derive(Deserialize)]
struct Stack {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    images: Vec<Image>,
    infrastructure: Vec<Part>,
    deploy_order: Vec<String>,
    services: Vec<Part>,
}

#[derive(Deserialize)]
struct Image {
    name: String,
    variable: String,
    build: Option<Build>,
}

#[derive(Deserialize)]
struct Build {
    dockerfile: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    name: String,
    manifests: String,
    deploy_group: Option<String>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    images: Vec<String>,
}

fn stack() -> Spec {
    let text = fs::read_to_string(root().join("services.yaml")).expect("services.yaml");
    serde_saphyr::from_str::<Stack>(&text).expect("a stack").spec
}

#[test]
fn every_folder_of_manifests_is_a_part_of_the_stack_and_the_other_way_round() {
    let stack = stack();
    let parts: BTreeSet<String> = stack
        .infrastructure
        .iter()
        .chain(&stack.services)
        .map(|part| part.manifests.clone())
        .collect();
    let folders = entries(&root().join("deploy/base"))
        .into_iter()
        .filter(|path| path.is_dir());
    let folders: BTreeSet<String> = folders
        .map(|path| format!("deploy/base/{}", name_of(&path)))
        .collect();
    assert_eq!(parts, folders);
}

#[test]
fn every_kustomization_names_all_there_is() {
    let base = root().join("deploy/base");
    let folders = entries(&base).into_iter().filter(|path| path.is_dir());
    for folder in folders.chain([base.clone()]) {
        let listed = documents(&folder.join("kustomization.yaml")).remove(0);
        let listed: Vec<String> = serde_json::from_value(listed["resources"].clone()).expect("resources");
        let listed: BTreeSet<String> = listed.into_iter().collect();
        let present = entries(&folder)
            .iter()
            .map(|path| name_of(path))
            .collect::<BTreeSet<_>>();
        let present: BTreeSet<String> = present
            .into_iter()
            .filter(|name| name != "kustomization.yaml")
            .collect();
        assert_eq!(listed, present, "{}", folder.display());
    }
}

#[test]
fn every_image_of_a_manifest_is_one_of_its_part() {
    let stack = stack();
    let variables: BTreeMap<&str, &str> = stack
        .images
        .iter()
        .map(|image| (image.name.as_str(), image.variable.as_str()))
        .collect();
    for image in &stack.images {
        let expected = format!("CODEXK8S_{}_IMAGE", image.name.to_uppercase().replace('-', "_"));
        assert_eq!(image.variable, expected);
    }
    for part in &stack.services {
        let declared: BTreeSet<String> = part
            .images
            .iter()
            .map(|image| variables[image.as_str()].to_owned())
            .collect();
        assert_eq!(used_images(&part.name), declared, "{}", part.name);
    }
}

/// Images a service runs, and those its environment names for others to run.
fn used_images(service: &str) -> BTreeSet<String> {
    let all = manifests::all();
    let pods = all
        .iter()
        .filter(|manifest| manifest.service == service)
        .filter_map(manifests::Manifest::pod);
    let mut used = BTreeSet::new();
    for pod in pods {
        for container in containers(&pod) {
            used.extend(container.image.clone());
            let named = container
                .env
                .iter()
                .flatten()
                .filter(|variable| variable.name.ends_with("_IMAGE"));
            used.extend(named.filter_map(|variable| variable.value.clone()));
        }
    }
    used
}

#[test]
fn every_image_we_build_has_a_recipe_and_no_recipe_is_left_over() {
    let built: BTreeSet<String> = stack()
        .images
        .into_iter()
        .filter_map(|image| Some(image.build?.dockerfile))
        .collect();
    let mut recipes: BTreeSet<String> = entries(&root().join("deploy/images"))
        .iter()
        .map(|path| format!("deploy/images/{}/Dockerfile", name_of(path)))
        .collect();
    recipes.insert("deploy/agent/Dockerfile".to_owned());
    recipes.insert("console/Dockerfile".to_owned());
    assert_eq!(built, recipes);
    for recipe in recipes {
        let text = fs::read_to_string(root().join(&recipe)).expect("a Dockerfile");
        let mut bases = text.lines().filter_map(|line| line.strip_prefix("FROM "));
        let stages: BTreeSet<&str> = bases
            .clone()
            .filter_map(|line| Some(line.split_once(" AS ")?.1))
            .collect();
        let is_stage = |line: &str| stages.contains(line.split(' ').next().unwrap_or_default());
        assert!(
            bases.all(|line| line.contains("_IMAGE}") || is_stage(line)),
            "{recipe}: a base that nobody pins"
        );
        let user = text
            .lines()
            .rfind(|line| line.starts_with("USER "))
            .expect("a user");
        assert!(
            !user.contains("root") && !user.starts_with("USER 0"),
            "{recipe}: {user}"
        );
    }
}

#[test]
fn nothing_is_deployed_before_what_it_depends_on() {
    let stack = stack();
    let group = |part: &Part| {
        let name = part.deploy_group.as_ref()?;
        Some(
            stack
                .deploy_order
                .iter()
                .position(|group| group == name)
                .expect("a known group"),
        )
    };
    let parts: BTreeMap<&str, &Part> = stack
        .infrastructure
        .iter()
        .chain(&stack.services)
        .map(|part| (part.name.as_str(), part))
        .collect();
    for part in &stack.services {
        assert!(group(part).is_some(), "{} has a deploy group", part.name);
        for needed in &part.depends_on {
            let needed = parts
                .get(needed.as_str())
                .unwrap_or_else(|| panic!("{needed} is no part"));
            assert!(
                group(needed) <= group(part),
                "{} comes before {}",
                needed.name,
                part.name
            );
        }
    }
}

/// What a program reads and no manifest says, and why.
const UNSAID: [&str; 9] = [
    // The cluster names a pod's host.
    "HOSTNAME",
    // The account of the pod is used.
    "CODEXK8S_KUBECONFIG",
    // Nobody signs in yet.
    "CODEXK8S_AUTHORIZATION_SERVERS",
    // These manifests decide what the program takes for granted.
    "CODEXK8S_MCP_POD",
    "CODEXK8S_MCP_PORT",
    // It lies beside the worker in its image.
    "CODEXK8S_EMBEDDER_PROGRAM",
    // It goes with the runner's image.
    "CODEXK8S_RUNNER_PROGRAMS",
    "CODEXK8S_CLAUDE_PROGRAMS",
    // Tests alone build the program with it.
    "CODEXK8S_FAULT_FILE",
];

/// Where a manifest says other than the program would: a cluster collects logs as JSON.
const DECIDED: [&str; 1] = ["CODEXK8S_LOG_FORMAT"];

#[rstest]
#[case("gateway", gateway::Cli::command())]
#[case("mcp-server", mcp_server::Cli::command())]
#[case("worker", worker::Cli::command())]
fn a_program_is_told_all_that_can_be_said_and_its_own_defaults(
    #[case] program: &str,
    #[case] command: clap::Command,
) {
    let mut told = environment(program);
    for argument in command.get_arguments() {
        let Some(name) = argument.get_env() else { continue };
        let name = name.to_string_lossy().into_owned();
        let Some(value) = told.remove(&name) else {
            assert!(
                UNSAID.contains(&&*name),
                "{name} cannot be set by whoever renders"
            );
            continue;
        };
        let by_default: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|it| it.to_string_lossy())
            .collect();
        if !by_default.is_empty() && !DECIDED.contains(&&*name) {
            assert_eq!(value, by_default.join(","), "{name}");
        }
    }
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "{program} does not read it"
    );
}

#[test]
fn every_program_asks_the_same_dns() {
    let all = manifests::all();
    let policy = all
        .iter()
        .find(|manifest| manifest.kind() == "NetworkPolicy" && manifest.name() == "dns");
    let to = &policy.expect("there").content["spec"]["egress"][0]["to"][0];
    let namespace = &to["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
    assert_eq!(*namespace, environment("worker")["CODEXK8S_DNS_NAMESPACE"]);
}

#[test]
fn tokens_are_made_for_the_endpoint_that_accepts_them() {
    let (worker, tools) = (environment("worker"), environment("mcp-server"));
    assert_eq!(worker["CODEXK8S_AUDIENCE"], tools["CODEXK8S_MCP_RESOURCE"]);
    let gateway = environment("gateway");
    assert_eq!(
        format!("{}/mcp", gateway["CODEXK8S_MCP_UPSTREAM"]),
        worker["CODEXK8S_RUNNER_MCP_URL"],
        "people and runners come to the same tools"
    );
    let host = worker["CODEXK8S_RUNNER_MCP_URL"]
        .trim_start_matches("http://")
        .trim_end_matches("/mcp");
    assert_eq!(
        host, tools["CODEXK8S_MCP_ALLOWED_HOSTS"],
        "runners call it by this name"
    );
}

#[test]
fn the_policy_and_the_roles_speak_of_the_same_account_and_prefix() {
    let environment = environment("worker");
    let prefix = &environment["CODEXK8S_CLUSTER_PREFIX"];
    let account = &environment["CODEXK8S_WORKER_ACCOUNT"];
    let all = manifests::all();
    let one = |kind: &str| {
        all.iter()
            .find(|manifest| manifest.kind() == kind)
            .expect("there")
    };
    let policy = one("ValidatingAdmissionPolicy").content.to_string();
    assert!(
        policy.contains(&format!("system:serviceaccount:{account}")),
        "{account}"
    );
    assert!(policy.contains(&format!("'{prefix}'")), "{prefix}");
    let subject = &one("ClusterRoleBinding").content["subjects"][0];
    let bound = format!(
        "{}:{}",
        subject["namespace"].as_str().expect("set"),
        subject["name"].as_str().expect("set")
    );
    assert_eq!(&bound, account);
    let tools = all
        .iter()
        .find(|manifest| manifest.kind() == "NetworkPolicy" && manifest.name() == "mcp-server");
    let from = &tools.expect("there").content["spec"]["ingress"][0]["from"][1];
    let installation = &from["namespaceSelector"]["matchLabels"]["codexk8s.dev/installation"];
    assert_eq!(installation, prefix, "runners reach the tools");
}

fn environment(program: &str) -> BTreeMap<String, String> {
    let all = manifests::all();
    let of = all
        .iter()
        .find(|manifest| manifest.kind() == "Deployment" && manifest.name() == program);
    let pod = of.and_then(manifests::Manifest::pod).expect("a pod");
    let variables = pod.containers[0].env.clone().expect("an environment");
    variables
        .into_iter()
        .map(|variable| (variable.name, variable.value.expect("a value")))
        .collect()
}
