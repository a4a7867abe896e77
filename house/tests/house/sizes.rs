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
