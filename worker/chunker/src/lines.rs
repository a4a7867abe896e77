//! Where a passage stands in its file.

use crate::Passage;

/// The offsets at which lines begin.
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// The line of a byte, counted from 1.
    fn number(&self, offset: usize) -> u32 {
        let before = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(before).unwrap_or(u32::MAX)
    }

    /// The passage that begins at a byte.
    pub(crate) fn passage(&self, at: usize, text: &str, heading: String, names: Vec<String>) -> Passage {
        let last = at + text.trim_end().len().saturating_sub(1);
        Passage {
            heading,
            names,
            lines: (self.number(at), self.number(last)),
            text: text.to_owned(),
        }
    }
}
