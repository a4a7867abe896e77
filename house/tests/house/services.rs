//! services.yaml, deploy/, the Dockerfiles and the workspace name the same deployables.

use std::collections::BTreeSet;

use orchestrator::stack::{Build, Image, Stack};
use serde::Deserialize;

use crate::repository::{METADATA, files_beneath, names_in, read, root};

/// Folders whose programs are for development only.
const DEVELOPMENT: [&str; 2] = ["lab", "house"];

fn stack() -> Stack {
    Stack::parse(&read("services.yaml")).unwrap_or_else(|faults| panic!("services.yaml: {faults}"))
}

#[test]
fn every_part_has_its_folder_of_manifests_and_every_folder_its_part() {
    let stack = stack();
    for part in stack.order() {
        assert_eq!(part.manifests, format!("deploy/base/{}", part.name));
    }
    let parts: BTreeSet<_> = stack.order().iter().map(|part| part.name.to_owned()).collect();
    let folders: BTreeSet<_> = names_in("deploy/base")
        .into_iter()
        .filter(|name| !name.contains('.'))
        .collect();
    assert_eq!(parts, folders);
}

#[derive(Deserialize)]
struct Kustomization {
    resources: Vec<String>,
}

#[test]
fn kustomize_takes_every_part_and_every_manifest() {
    let kustomization = |path: &str| {
        serde_saphyr::from_str::<Kustomization>(&read(path))
            .expect("a kustomization")
            .resources
    };
    let parts: BTreeSet<_> = stack().order().iter().map(|part| part.name.to_owned()).collect();
    assert_eq!(
        kustomization("deploy/base/kustomization.yaml")
            .into_iter()
            .collect::<BTreeSet<_>>(),
        parts
    );
    for part in parts {
        let folder = format!("deploy/base/{part}");
        let listed: BTreeSet<_> = kustomization(&format!("{folder}/kustomization.yaml"))
            .into_iter()
            .collect();
        let there: BTreeSet<_> = names_in(&folder)
            .into_iter()
            .filter(|name| name != "kustomization.yaml")
            .collect();
        assert_eq!(listed, there, "{folder}");
    }
}

#[test]
fn manifests_use_the_images_that_their_service_lists() {
    let stack = stack();
    let variables: BTreeSet<_> = stack.images.iter().map(|image| image.variable.as_str()).collect();
    for service in &stack.services {
        let listed: BTreeSet<_> = service
            .images
            .iter()
            .map(|name| {
                stack
                    .images
                    .iter()
                    .find(|image| image.name == *name)
                    .expect("valid")
                    .variable
                    .as_str()
            })
            .collect();
        let text: String = files_beneath(&root().join(&service.manifests), ".yaml")
            .iter()
            .map(|file| std::fs::read_to_string(file).expect("text"))
            .collect();
        let used: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).split_once(": "))
            .filter(|(key, _)| matches!(*key, "image" | "value"))
            .filter_map(|(_, value)| variables.get(value.trim()).copied())
            .collect();
        assert_eq!(used, listed, "{}", service.manifests);
    }
}

#[test]
fn every_image_of_ours_has_its_dockerfile_and_every_dockerfile_its_image() {
    let images = stack().images;
    let named: BTreeSet<_> = images
        .iter()
        .filter_map(|it| Some(it.build.as_ref()?.dockerfile.clone()))
        .collect();
    let there: BTreeSet<_> = ["deploy", "console"]
        .iter()
        .flat_map(|folder| files_beneath(&root().join(folder), "Dockerfile"))
        .map(|file| file.strip_prefix(root()).expect("beneath").display().to_string())
        .collect();
    assert_eq!(named, there);
    for Image { name, build, .. } in &images {
        let Some(build) = build else { continue };
        let Some((package, binary)) = program(build) else {
            continue;
        };
        assert_eq!(build.dockerfile, format!("deploy/images/{name}/Dockerfile"));
        let text = read(&build.dockerfile);
        let builds = format!("--package {package} --bin {binary}");
        assert!(
            text.contains(&builds),
            "{} does not build `{builds}`",
            build.dockerfile
        );
        assert!(
            text.contains(&format!("/usr/local/bin/{binary}\"]")),
            "{} starts another",
            build.dockerfile
        );
    }
}

fn program(build: &Build) -> Option<(&str, &str)> {
    Some((build.package.as_deref()?, build.binary.as_deref()?))
}

/// Programs without an image of their own: package and binary, and the image whose program starts them.
const BESIDE: [(&str, &str, &str); 1] = [("local-embedder", "local-embedder", "worker")];

#[test]
fn every_program_is_deployed_or_for_development() {
    let images = stack().images;
    let deployed: BTreeSet<_> = images
        .iter()
        .filter_map(|it| program(it.build.as_ref()?))
        .map(|(package, binary)| (package.to_owned(), binary.to_owned()))
        .collect();
    let mut programs = BTreeSet::new();
    for (package, binary, image) in BESIDE {
        let recipe = read(format!("deploy/images/{image}/Dockerfile"));
        assert!(
            recipe.contains(&format!("--package {package} --bin {binary}")),
            "{image} has no {binary}"
        );
    }
    for member in METADATA.members() {
        let folder = member.manifest_path.strip_prefix(root()).expect("beneath");
        if DEVELOPMENT.iter().any(|it| folder.starts_with(it)) {
            continue;
        }
        let binaries = member
            .targets
            .iter()
            .filter(|it| it.kind.iter().any(|kind| kind == "bin"));
        programs.extend(binaries.map(|it| (member.name.clone(), it.name.clone())));
    }
    for (package, binary, _) in BESIDE {
        programs.remove(&(package.to_owned(), binary.to_owned()));
    }
    assert_eq!(programs, deployed);
}
