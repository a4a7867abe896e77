//! Images without a registry: which folders of the host stand for which image.

use std::path::PathBuf;

/// What stands for the images whose name fits `pattern`.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// A name in which `*` stands for any text, as in `registry.example/agent:*`.
    pub pattern: String,
    /// Files or folders of the host and where the container sees them, read-only.
    pub binds: Vec<(PathBuf, PathBuf)>,
    pub env: Vec<(String, String)>,
    /// What runs when the container names no command.
    pub entrypoint: Vec<String>,
}

impl Image {
    pub(crate) fn fits(&self, name: &str) -> bool {
        fits(&self.pattern, name)
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            name.char_indices()
                .map(|(index, _)| index)
                .chain([name.len()])
                .any(|at| fits(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in [
            ("a", "a"),
            ("a*", "a"),
            ("*", "x/y:1"),
            ("x/*:1", "x/y:1"),
            ("*agent*", "my-agent@sha"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "ab"), ("a*b", "ac"), ("x/*:1", "x/y:2")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
