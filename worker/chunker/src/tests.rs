use proptest::prelude::*;
use rstest::rstest;

use crate::{Cut, Kind, MOST_BYTES, MOST_LINE_BYTES, MOST_TOKENS, Skip, Tongue, cut, tokens};

fn cut_text(path: &str, text: &str) -> Cut {
    cut(path, text.as_bytes()).expect("text")
}

/// What every cut promises: passages in order, none too long, each where it says.
fn keeps_its_promises(text: &str, cut: &Cut) {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut last = 0;
    for passage in &cut.passages {
        let (from, to) = passage.lines;
        assert!(tokens(&passage.text) <= MOST_TOKENS, "{passage:#?}");
        assert!(
            from >= last && from <= to && to as usize <= lines.len(),
            "{passage:#?}"
        );
        let there = lines[from as usize - 1..to as usize].join("\n");
        assert!(
            there.contains(passage.text.trim_end()),
            "{passage:#?} is not in {there}"
        );
        last = from;
    }
}

#[test]
fn markdown_is_cut_by_heading() {
    let text = "Before.\n\n# Slots\n\nWhat a slot is.\n\n## Leases\n\nA lease ends.\n\n```sh\n# no heading\nmake up\n```\n\n# Runs\nThey run.\n";
    let cut = cut_text("docs/a.md", text);
    keeps_its_promises(text, &cut);
    let seen: Vec<_> = cut
        .passages
        .iter()
        .map(|passage| (passage.heading.as_str(), passage.lines))
        .collect();
    assert_eq!(
        seen,
        [
            ("", (1, 1)),
            ("Slots", (3, 5)),
            ("Slots > Leases", (7, 14)),
            ("Runs", (16, 17))
        ]
    );
    assert!(cut.passages[2].text.contains("# no heading\nmake up\n```"));
}

#[test]
fn a_fence_of_code_stays_whole_in_a_long_section() {
    let fence = format!("```rust\n{}```", "let answer = compute(question);\n".repeat(12));
    let around = "Some words about what follows, at length. ".repeat(40);
    let text = format!("# A\n\n{around}\n\n{fence}\n\n{around}\n");
    let cut = cut_text("README.md", &text);
    keeps_its_promises(&text, &cut);
    assert!(cut.passages.len() > 2);
    assert!(cut.passages.iter().any(|passage| passage.text.contains(&fence)));
    assert!(cut.passages.iter().all(|passage| passage.heading == "A"));
}

#[rstest]
#[case::rust("a.rs", "pub struct Slot;\n\nimpl Slot {\n    pub fn lease(&self) -> u32 {\n        1\n    }\n}\n", &["Slot", "lease"])]
#[case::go("a.go", "package a\n\ntype Slot struct{}\n\nfunc (s Slot) Lease() int {\n\treturn 1\n}\n", &["Slot", "Lease"])]
#[case::typescript("a.ts", "export interface Slot { id: string }\n\nexport function lease(slot: Slot): number {\n  return 1;\n}\n", &["Slot", "lease"])]
#[case::javascript("a.js", "class Slot {\n  lease() {\n    return 1;\n  }\n}\n", &["Slot", "lease"])]
#[case::python("a.py", "class Slot:\n    def lease(self):\n        return 1\n", &["Slot", "lease"])]
#[case::yaml("a.yaml", "slots:\n  limit: 3\n", &["slots", "limit"])]
#[case::sql("a.sql", "CREATE TABLE slots (slot_id uuid PRIMARY KEY);\n", &["slots"])]
fn code_knows_what_it_defines(#[case] path: &str, #[case] text: &str, #[case] names: &[&str]) {
    let cut = cut_text(path, text);
    keeps_its_promises(text, &cut);
    assert_eq!(cut.kind, Kind::Code);
    let found: Vec<&str> = cut
        .passages
        .iter()
        .flat_map(|passage| &passage.names)
        .map(String::as_str)
        .collect();
    for name in names {
        assert!(found.contains(name), "{name} is not in {found:?}");
    }
}

#[test]
fn a_part_of_a_long_definition_knows_what_it_stands_in() {
    let body = "        let answer = compute(question, and_all_that_belongs_to_it);\n".repeat(60);
    let text = format!("impl Slot {{\n    pub fn lease(&self) {{\n{body}    }}\n}}\n");
    let cut = cut_text("slot.rs", &text);
    keeps_its_promises(&text, &cut);
    let inner = &cut.passages[cut.passages.len() / 2];
    assert_eq!(inner.heading, "Slot > lease");
}

#[test]
fn vue_is_cut_by_its_blocks() {
    let text = "<template>\n  <p>{{ slot }}</p>\n</template>\n\n<script setup lang=\"ts\">\nconst slot = 1;\n</script>\n";
    let cut = cut_text("Slot.vue", text);
    keeps_its_promises(text, &cut);
    assert_eq!(cut.kind, Kind::Code);
}

#[rstest]
#[case::english("a.md", "How to lease a slot.", Tongue::English)]
#[case::russian(
    "a.md",
    "Как получить слот и вернуть его обратно, когда работа закончена.",
    Tongue::Russian
)]
#[case::mixed(
    "a.md",
    "Команда `make up` запускает платформу, а `make demo` показывает работу агента.",
    Tongue::Russian
)]
#[case::greek("a.md", "Πώς να πάρετε μια θέση και να την επιστρέψετε.", Tongue::Simple)]
#[case::code("a.rs", "fn lease() {}", Tongue::English)]
fn the_language_of_the_words_is_told(#[case] path: &str, #[case] text: &str, #[case] tongue: Tongue) {
    assert_eq!(cut_text(path, text).tongue, tongue);
}

#[rstest]
#[case::readme("README", Kind::Docs)]
#[case::text("notes.txt", Kind::Docs)]
#[case::makefile("Makefile", Kind::Code)]
#[case::toml("Cargo.toml", Kind::Code)]
fn what_has_no_grammar_has_a_kind(#[case] path: &str, #[case] kind: Kind) {
    assert_eq!(cut_text(path, "some = words").kind, kind);
}

#[rstest]
#[case::binary(b"\x7fELF\0\0".to_vec(), Skip::Binary)]
#[case::not_utf8(vec![b'a', 0xff, b'b'], Skip::NotUtf8)]
#[case::too_large(vec![b'a'; MOST_BYTES + 1], Skip::TooLarge)]
#[case::long_line(vec![b'a'; MOST_LINE_BYTES + 1], Skip::LongLine)]
#[case::empty(b" \n\t\n".to_vec(), Skip::Empty)]
fn what_cannot_be_cut_says_why(#[case] bytes: Vec<u8>, #[case] why: Skip) {
    assert_eq!(cut("a.rs", &bytes), Err(why));
}

#[test]
fn deep_nesting_is_walked() {
    let text = format!("const a = {}{};\n", "[".repeat(5_000), "]".repeat(5_000));
    let cut = cut_text("deep.js", &text);
    keeps_its_promises(&text, &cut);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_cut_within_its_promises(
        path in "a\\.(md|rs|py|yaml|ts|txt|sql|vue)",
        text in "([ -~]{0,40}|# [a-z ]{1,20}|```|\\pL{1,9}|    x|\t)(\n([ -~]{0,40}|## [a-z ]{1,20}|```|\\pL{1,9}|    x|\t)){0,60}",
    ) {
        if let Ok(cut) = cut(&path, text.as_bytes()) {
            keeps_its_promises(&text, &cut);
        }
    }
}
