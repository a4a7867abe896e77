//! Makes lines of the bytes a program writes.

/// A longer line is cut: no program may make the supervisor remember more.
const LINE_BYTES: usize = 1024 * 1024;

/// The beginning of a line that has not ended yet.
pub(crate) struct Lines {
    rest: Vec<u8>,
    limit: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self::with_limit(LINE_BYTES)
    }
}

impl Lines {
    /// Cuts lines at `limit` bytes.
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self {
            rest: Vec::new(),
            limit,
        }
    }

    /// Takes bytes and hands out each line they complete, without its end. What is no UTF-8 is replaced.
    pub(crate) fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut part = part;
            while !part.is_empty() {
                let (piece, rest) = part.split_at(part.len().min(self.limit - self.rest.len()));
                self.rest.extend_from_slice(piece);
                part = rest;
                if self.rest.ends_with(b"\n") || self.rest.len() >= self.limit {
                    self.end(&mut each);
                }
            }
        }
    }

    /// Hands out the last line, if it did not end.
    pub(crate) fn end(&mut self, mut each: impl FnMut(&str)) {
        if !self.rest.is_empty() {
            each(String::from_utf8_lossy(&self.rest).trim_end_matches(['\r', '\n']));
            self.rest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_were_cut() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let text = "one\r\ntwö\n\nrest".as_bytes();
        for byte in text {
            lines.take(&[*byte], |line| seen.push(line.to_owned()));
        }
        lines.end(|line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "twö", "", "rest"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut lines = Lines::default();
        let mut count = 0;
        lines.take(&vec![b'x'; LINE_BYTES * 2], |_| count += 1);
        assert_eq!(count, 2);
        assert!(lines.rest.is_empty());
    }
}
