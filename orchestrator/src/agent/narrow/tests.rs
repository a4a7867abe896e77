use std::fmt::Write as _;

use super::super::profile::Output;
use super::*;

fn profile(include: &[&str], exclude: &[&str]) -> Profile {
    let owned = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect();
    Profile {
        write_include: owned(include),
        write_exclude: owned(exclude),
        active_seconds: Some(1800),
        effort: Some("medium".into()),
        ..Profile::codex("dev", Output::PullRequest)
    }
}

/// What a file makes of a profile that may change `src` and Markdown, for 1800 s with medium effort.
const FILES: [(&str, &str); 29] = [
    ("says nothing", "version: 1"),
    (
        "narrows paths",
        "version: 1\nall: {write: {include: [/src/api/**], exclude: [secrets]}}",
    ),
    (
        "a stage of another name",
        "version: 1\nstages: {qa: {write: {include: [x]}}}",
    ),
    (
        "both parts count",
        "version: 1\nall: {write: {include: [/src/**]}}\nstages: {dev: {write: {include: [/src/a, '*.md']}}}",
    ),
    (
        "widens beside narrowing",
        "version: 1\nall: {write: {include: [/src/api, /deploy/**]}}",
    ),
    (
        "widens alone",
        "version: 1\nall: {write: {include: [/deploy/**]}}",
    ),
    ("names every path", "version: 1\nall: {write: {include: ['**']}}"),
    ("an empty list", "version: 1\nall: {write: {include: []}}"),
    (
        "unlocks what is protected",
        "version: 1\nall: {write: {include: [/src/.github/x]}}",
    ),
    (
        "forbids every change",
        "version: 1\nall: {write: {exclude: ['**']}}",
    ),
    (
        "a glob that does not parse",
        "version: 1\nall: {write: {exclude: ['a[']}}",
    ),
    ("less time", "version: 1\nall: {active_seconds: 600}"),
    ("more time", "version: 1\nall: {active_seconds: 7200}"),
    ("no time", "version: 1\nall: {active_seconds: 0}"),
    (
        "the least money of both",
        "version: 1\nall: {cost_micro_usd: 5}\nstages: {dev: {cost_micro_usd: 3}}",
    ),
    ("no money", "version: 1\nall: {cost_micro_usd: 0}"),
    ("money that is none", "version: 1\nall: {cost_micro_usd: -1}"),
    ("less effort", "version: 1\nall: {effort: low}"),
    ("more effort", "version: 1\nall: {effort: xhigh}"),
    (
        "the least effort of both",
        "version: 1\nall: {effort: low}\nstages: {dev: {effort: high}}",
    ),
    ("an effort that is none", "version: 1\nall: {effort: enormous}"),
    (
        "models",
        "version: 1\nall: {models: [a, b]}\nstages: {dev: {models: [b, c]}}",
    ),
    (
        "no model is left",
        "version: 1\nall: {models: [a]}\nstages: {dev: {models: [c]}}",
    ),
    (
        "tools",
        "version: 1\nall: {toolsets: [runs, turn]}\nstages: {dev: {toolsets: [turn, slots], read_only: true}}",
    ),
    (
        "a toolset that is none",
        "version: 1\nall: {toolsets: [everything]}",
    ),
    ("an unknown field", "version: 1\nall: {budget: 5}"),
    ("an unknown stage", "version: 1\nstages: {devel: {}}"),
    ("another version", "version: 2"),
    ("no YAML", "version: ["),
];

#[test]
fn a_file_takes_away_and_never_adds() {
    let mut table = String::new();
    let own = profile(&["/src/**", "*.md"], &["*.lock"]);
    for (what, text) in FILES {
        match narrow(&own, text) {
            Ok(narrowing) => {
                let left = narrowing.apply(own.clone());
                writeln!(table, "{what}: {}", serde_json::to_string(&narrowing).unwrap()).unwrap();
                writeln!(table, "    include {:?}", left.write_include).unwrap();
                writeln!(table, "    exclude {:?}", left.excluded()).unwrap();
                let effort = narrowing.effort(left.effort.clone());
                writeln!(table, "    {:?} s, effort {effort:?}", left.active_seconds).unwrap();
                assert!(left.active_seconds <= own.active_seconds, "{what}");
                assert!(effort.as_deref().and_then(rank) <= rank("medium"), "{what}");
                let kept = own.excluded().iter().all(|glob| left.excluded().contains(glob));
                assert!(kept, "{what}: {:?}", left.excluded());
            }
            Err(why) => {
                let why = why.lines().next().unwrap_or_default();
                writeln!(table, "{what}: no run starts: {why}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[rstest::rstest]
#[case("/src/api", "/src/**", true)]
#[case("/src/api/**", "/src", true)]
#[case("src/api", "src/", false)]
#[case("src", "src", true)]
#[case("/src", "src", true)]
#[case("/srcs/a", "/src", false)]
#[case("/src/../x", "/src/**", true)]
#[case("{/src/a,/b}", "/src/**", false)]
#[case("docs/**/*.md", "*.md", true)]
#[case("docs/README.md", "*.md", true)]
#[case("docs/*", "*.md", false)]
#[case("docs/{a,b/*.md", "*.md", false)]
#[case("**", "*.md", false)]
#[case("anything", "**", true)]
#[case("x/y.rs", "/x/*.rs", true)]
#[case("x/*.rs", "/x/y*.rs", false)]
fn only_what_is_surely_within_counts(#[case] inner: &str, #[case] outer: &str, #[case] within: bool) {
    assert_eq!(is_within(inner, outer), within);
}

#[rstest::rstest]
#[case(None, None, true)]
#[case(None, Some("a"), true)]
#[case(Some("models: [a]"), Some("a"), true)]
#[case(Some("models: [a]"), Some("b"), false)]
#[case(Some("models: [a]"), None, false)]
fn a_model_that_is_not_left_starts_nothing(
    #[case] says: Option<&str>,
    #[case] model: Option<&str>,
    #[case] starts: bool,
) {
    let text = says.map_or_else(
        || "version: 1".to_owned(),
        |says| format!("version: 1\nall: {{{says}}}"),
    );
    let narrowing = narrow(&profile(&[], &[]), &text).unwrap();
    assert_eq!(narrowing.check_model(model).is_ok(), starts);
}
