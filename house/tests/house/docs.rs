//! What the docs say of the code is there.

use std::path::Path;

use crate::repository::{files_beneath, names_in, read, root};

/// Every section of the architecture rules that this project began with.
const SEED: [&str; 13] = [
    "Goal and foundations",
    "Constraints",
    "Repository structure",
    "Changing the set of deployables",
    "Core of services",
    "Zone internal",
    "Zone external",
    "Zone staff",
    "Zone jobs",
    "Zone dev",
    "Boundaries of responsibility",
    "Interaction",
    "What the seed does not say",
];

const WALKTHROUGHS: usize = 6;

/// What a build or a lab leaves here and nobody commits: a path into it is no promise of this repository.
const MADE_HERE: [&str; 2] = ["target", ".lab"];

/// What stands in back-quotes and is a path of this repository: `folder/file.rs`, or `folder/file.rs#name` for something
/// in it. `<...>` and `*` make it a pattern and no path.
fn paths(text: &str) -> Vec<(&str, Option<&str>)> {
    let folders = names_in(".");
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for quoted in line.split('`').skip(1).step_by(2) {
            let (path, name) = match quoted.split_once('#') {
                Some((path, name)) => (path, Some(name)),
                None => (quoted, None),
            };
            let first = path.split('/').next().unwrap_or_default();
            let is_path =
                path.contains('/') && folders.iter().any(|it| it == first) && !MADE_HERE.contains(&first);
            if is_path && !path.contains(['<', '*', ' ', '{', '…']) {
                found.push((path, name));
            }
        }
    }
    found
}

#[test]
fn every_path_in_the_docs_is_there() {
    let mut documents = files_beneath(&root().join("docs"), ".md");
    documents.push(root().join("README.md"));
    let mut faults = Vec::new();
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("text");
        let document = document.strip_prefix(root()).expect("beneath").display();
        for (path, name) in paths(&text) {
            let file = root().join(path);
            if !file.exists() {
                faults.push(format!("{document}: {path} is not there"));
            } else if let Some(name) = name
                && !contains_word(&file, name)
            {
                faults.push(format!("{document}: {path} has no {name}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn contains_word(file: &Path, word: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|it| it == word)
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = files_beneath(&root().join("docs"), ".md");
    documents.push(root().join("README.md"));
    let mut faults = Vec::new();
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("text");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|it| !it.contains("://") && !it.starts_with('#')) {
            let path = target.split('#').next().unwrap_or_default();
            if !document.with_file_name(path).exists() {
                faults.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_architecture_walks_through_six_operations() {
    let text = read("docs/ARCHITECTURE.md");
    let walkthroughs: Vec<_> = text
        .split("\n### ")
        .skip(1)
        .filter(|it| it.starts_with("Walkthrough"))
        .collect();
    assert_eq!(walkthroughs.len(), WALKTHROUGHS);
    for walkthrough in walkthroughs {
        let title = walkthrough.lines().next().unwrap_or_default();
        let steps = paths(walkthrough.split("\n## ").next().unwrap_or_default());
        assert!(
            steps.len() >= 5,
            "{title}: only {} steps name their code",
            steps.len()
        );
        assert!(
            steps.iter().all(|(_, name)| name.is_some()),
            "{title}: each step names a function"
        );
    }
}

#[test]
fn every_rule_of_the_seed_has_its_place() {
    let text = read("docs/adr/0001-seed-to-rust.md");
    let headings: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings, SEED);
    for section in text.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| ")).count();
        assert!(rows >= 2, "{title}: no rule is placed");
    }
}

#[test]
fn every_context_is_in_the_architecture() {
    let text = read("docs/ARCHITECTURE.md");
    for context in names_in("orchestrator/src") {
        let door = root().join("orchestrator/src").join(&context).join("mod.rs");
        if door.exists() && !matches!(&*context, "bin" | "ports" | "postgres") {
            assert!(
                text.contains(&format!("| {context} |")),
                "docs/ARCHITECTURE.md has no row for {context}"
            );
        }
    }
}

#[test]
fn every_tool_is_in_the_list() {
    let text = read("docs/tools.md");
    let mut told: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    told.sort_unstable();
    let sources: Vec<_> = files_beneath(&root().join("mcp-server/src/tools"), ".rs")
        .iter()
        .map(read)
        .collect();
    let declared = "const NAME: &'static str = \"";
    let mut there: Vec<_> = sources
        .iter()
        .flat_map(|it| it.split(declared).skip(1))
        .filter_map(|it| it.split('"').next())
        .collect();
    there.sort_unstable();
    assert_eq!(told, there);
}
