//! Code, by syntax: whole definitions where they fit, else their largest parts.

use std::ops::Range;

use text_splitter::CodeSplitter;
use tree_sitter::{Language, Node, Parser, Tree};

use crate::lines::Lines;
use crate::{Passage, tokens};

/// Fields of a syntax tree that name what a node defines, over all grammars used here: Rust's `impl` has only a type,
/// YAML's pairs a key.
const NAMING: [&str; 4] = ["name", "type", "key", "declarator"];
/// A name longer than this is no name but the text of something.
const LONGEST_NAME: usize = 80;
/// The splitter looks at each level of a tree: what nests deeper is data, and cut as words.
const DEEPEST: usize = 120;
/// The splitter's time grows with the square of a file: a larger one is generated more often than written.
const MOST_BYTES: usize = 262_144;
/// Names kept of one passage.
const MOST_NAMES: usize = 24;

/// A definition: where it stands, and how it is called.
struct Definition {
    range: Range<usize>,
    name: String,
}

pub(crate) fn cut(text: &str, lines: &Lines, grammar: &Language) -> Vec<Passage> {
    if text.len() > MOST_BYTES {
        return crate::prose(text, lines);
    }
    let tree = parse(text, grammar).filter(|tree| depth(tree) <= DEEPEST);
    let (Some(tree), Ok(splitter)) = (tree, CodeSplitter::new(grammar.clone(), tokens::budget())) else {
        return crate::prose(text, lines);
    };
    let definitions = definitions(&tree, text);
    let pieces = splitter.chunk_indices(text);
    pieces
        .map(|(at, piece)| {
            let range = at..at + piece.len();
            lines.passage(
                at,
                piece,
                within(&definitions, &range),
                defined(&definitions, &range),
            )
        })
        .collect()
}

fn parse(text: &str, grammar: &Language) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(grammar).ok()?;
    parser.parse(text, None)
}

/// Visits all nodes, outer ones before what they hold, each with its depth. Without recursion: a file may nest as deep
/// as its author likes.
fn visit<'tree>(tree: &'tree Tree, mut each: impl FnMut(Node<'tree>, usize)) {
    let mut cursor = tree.walk();
    let mut depth = 0;
    loop {
        each(cursor.node(), depth);
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            depth -= 1;
        }
    }
}

fn depth(tree: &Tree) -> usize {
    let mut deepest = 0;
    visit(tree, |_, depth| deepest = deepest.max(depth));
    deepest
}

fn definitions(tree: &Tree, text: &str) -> Vec<Definition> {
    let mut found = Vec::new();
    visit(tree, |node, _| {
        if let Some(name) = name_of(node, text) {
            found.push(Definition {
                range: node.byte_range(),
                name,
            });
        }
    });
    found
}

fn name_of(node: Node<'_>, text: &str) -> Option<String> {
    let defines = node.is_named() && is_definition(node.kind());
    if !defines {
        return None;
    }
    let named = NAMING.iter().find_map(|field| node.child_by_field_name(field));
    let name = text.get(named.or_else(|| created(node))?.byte_range())?.trim();
    let is_name = !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains('\n');
    is_name.then(|| name.to_owned())
}

/// What SQL creates is named by a reference, not by a field.
fn created(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .find(|child| child.kind() == "object_reference")
}

/// Whether a node of this kind gives a name to something that people look for; locals, parameters and calls do not.
fn is_definition(kind: &str) -> bool {
    const ENDINGS: [&str; 9] = [
        "_item",
        "_definition",
        "_declaration",
        "_spec",
        "_mapping_pair",
        "_signature",
        "create_table",
        "create_function",
        "create_view",
    ];
    const LOCAL: [&str; 4] = [
        "let_declaration",
        "use_declaration",
        "import_declaration",
        "import_spec",
    ];
    ENDINGS.iter().any(|ending| kind.ends_with(ending)) && !LOCAL.contains(&kind)
}

/// The definitions around a piece.
fn within(definitions: &[Definition], piece: &Range<usize>) -> String {
    let around = definitions
        .iter()
        .filter(|it| it.range.start <= piece.start && it.range.end >= piece.end);
    let names: Vec<&str> = around.map(|it| it.name.as_str()).collect();
    names.join(" > ")
}

/// The definitions that begin in a piece.
fn defined(definitions: &[Definition], piece: &Range<usize>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for it in definitions.iter().filter(|it| piece.contains(&it.range.start)) {
        if names.len() < MOST_NAMES && !names.contains(&it.name) {
            names.push(it.name.clone());
        }
    }
    names
}
