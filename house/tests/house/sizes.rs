use crate::repository::{METADATA, files_beneath, root};

/// No production file is longer.
const LONGEST: usize = 600;
/// Nine in ten production files are no longer.
const LONG: usize = 300;

#[test]
fn production_files_stay_small() {
    let mut sizes = Vec::new();
    for member in METADATA.members() {
        let source = member.manifest_path.with_file_name("src");
        for file in files_beneath(&source, ".rs") {
            if file
                .components()
                .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
            {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("text");
            let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let path = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            sizes.push((production.lines().count(), path));
        }
    }
    sizes.sort();
    let too_long: Vec<_> = sizes.iter().filter(|(lines, _)| *lines > LONGEST).collect();
    assert!(too_long.is_empty(), "longer than {LONGEST} lines: {too_long:?}");
    let (ninth, _) = &sizes[sizes.len() * 9 / 10];
    assert!(
        *ninth <= LONG,
        "nine in ten files should have at most {LONG} lines, it is {ninth}"
    );
}

#[test]
fn every_exception_to_a_lint_has_its_reason() {
    let (allow, expect) = (["#[", "allow("].concat(), ["#[", "expect("].concat());
    let mut faults = Vec::new();
    for file in files_beneath(root(), ".rs") {
        let text = std::fs::read_to_string(&file).expect("text");
        let mut report = |what: &str| faults.push(format!("{}: {what}", file.display()));
        if text.contains(&allow) {
            report("use #[expect(lint, reason = \"...\")], which ends when its cause does");
        }
        let exceptions = text
            .split(&expect)
            .skip(1)
            .filter_map(|rest| rest.split(")]").next());
        if exceptions
            .into_iter()
            .any(|exception| !exception.contains("reason = "))
        {
            report("an exception without a reason");
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
