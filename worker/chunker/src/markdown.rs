//! Markdown, by heading. A section that fits is one passage; in a longer one fences of code stay whole while they fit.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use text_splitter::MarkdownSplitter;

use crate::lines::Lines;
use crate::{Passage, tokens};

/// A heading and all that stands under it, up to the next heading.
struct Section {
    heading: String,
    range: Range<usize>,
}

pub(crate) fn cut(text: &str, lines: &Lines) -> Vec<Passage> {
    let splitter = MarkdownSplitter::new(tokens::budget());
    let mut passages = Vec::new();
    for section in sections(text) {
        let body = &text[section.range.clone()];
        if body.trim().is_empty() {
            continue;
        }
        let start = section.range.start;
        if tokens::fits(body) {
            let indent = body.len() - body.trim_start().len();
            let name = section.heading.clone();
            passages.push(lines.passage(start + indent, body.trim(), name, Vec::new()));
            continue;
        }
        for (at, piece) in splitter.chunk_indices(body) {
            passages.push(lines.passage(start + at, piece, section.heading.clone(), Vec::new()));
        }
    }
    passages
}

fn sections(text: &str) -> Vec<Section> {
    let mut path: Vec<(HeadingLevel, String)> = Vec::new();
    let mut sections = vec![Section {
        heading: String::new(),
        range: 0..text.len(),
    }];
    // The level and the words of the heading that is being read.
    let mut open: Option<(HeadingLevel, String, usize)> = None;
    let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => open = Some((level, String::new(), range.start)),
            Event::Text(words) | Event::Code(words) => {
                if let Some((_, heading, _)) = &mut open {
                    heading.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, heading, start)) = open.take() else {
                    continue;
                };
                path.retain(|(above, _)| *above < level);
                path.push((level, heading.trim().to_owned()));
                if let Some(before) = sections.last_mut() {
                    before.range.end = start;
                }
                let words: Vec<&str> = path.iter().map(|(_, words)| words.as_str()).collect();
                sections.push(Section {
                    heading: words.join(" > "),
                    range: start..text.len(),
                });
            }
            _ => {}
        }
    }
    sections
}
