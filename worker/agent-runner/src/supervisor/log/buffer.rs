//! One stream of the log: bounded in what waits, and bounded in all.

use std::collections::VecDeque;

/// Most that waits while the platform is away; beyond it, lines are dropped and counted.
const PENDING_BYTES: usize = 1024 * 1024;

pub(super) struct Buffer {
    lines: VecDeque<String>,
    pending: usize,
    dropped: u64,
    offset: u64,
    limit: u64,
    /// Bytes accepted so far, those the platform has included.
    accepted: u64,
    full: bool,
    closed: bool,
}

impl Buffer {
    pub(super) fn new(offset: u64, limit: u64) -> Self {
        Self {
            lines: VecDeque::new(),
            pending: 0,
            dropped: 0,
            offset,
            limit,
            accepted: offset,
            full: false,
            closed: false,
        }
    }

    /// Nothing was written yet, and the platform has this much of earlier lives.
    pub(super) fn begin_at(&mut self, offset: u64) {
        self.offset = offset;
        self.accepted = self.accepted.max(offset);
    }

    /// Bytes the platform has.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes no more, and forgets what waits: the platform has no room for it. Says whether that is new.
    pub(super) fn close(&mut self) -> bool {
        self.lines.clear();
        self.pending = 0;
        self.dropped = 0;
        !std::mem::replace(&mut self.closed, true)
    }

    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Takes a line, or counts it as dropped.
    pub(super) fn write(&mut self, line: &str) {
        if self.full || self.closed {
            return;
        }
        if self.accepted + line.len() as u64 > self.limit {
            self.full = true;
            self.push(format!(
                "[the log is full: at most {} bytes are kept]\n",
                self.limit
            ));
            return;
        }
        if self.pending + line.len() > PENDING_BYTES {
            self.dropped += 1;
            return;
        }
        self.mark_dropped();
        self.push(format!("{line}\n"));
    }

    /// The next piece to send: its offset and text, `None` when nothing waits.
    pub(super) fn piece(&mut self, max_bytes: usize) -> Option<(u64, String)> {
        self.mark_dropped_if_idle();
        let mut text = String::new();
        for line in &self.lines {
            if text.len() + line.len() > max_bytes {
                if text.is_empty() {
                    text.push_str(&line[..line.floor_char_boundary(max_bytes)]);
                }
                break;
            }
            text.push_str(line);
        }
        (!text.is_empty()).then_some((self.offset, text))
    }

    /// Removes what was sent. The platform names the end, which is further on if it had a piece already.
    pub(super) fn sent(&mut self, mut length: usize, next_offset: u64) {
        self.offset = next_offset;
        self.pending = self.pending.saturating_sub(length);
        while length > 0 {
            let Some(mut line) = self.lines.pop_front() else {
                return;
            };
            if line.len() > length {
                self.lines.push_front(line.split_off(length));
                return;
            }
            length -= line.len();
        }
    }

    fn mark_dropped_if_idle(&mut self) {
        if self.lines.is_empty() {
            self.mark_dropped();
        }
    }

    fn mark_dropped(&mut self) {
        if self.dropped > 0 {
            let lines = std::mem::take(&mut self.dropped);
            self.push(format!(
                "[{lines} lines were dropped while the platform was away]\n"
            ));
        }
    }

    fn push(&mut self, line: String) {
        self.pending += line.len();
        self.accepted += line.len() as u64;
        self.lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_one_another_and_cut_between_characters() {
        let mut buffer = Buffer::new(10, 1000);
        buffer.write("ab");
        buffer.write("ööö");
        assert_eq!(buffer.piece(100), Some((10, "ab\nööö\n".into())));
        assert_eq!(buffer.piece(4), Some((10, "ab\n".into())));
        buffer.sent(3, 13);
        assert_eq!(buffer.piece(3), Some((13, "ö".into())));
        buffer.sent(2, 15);
        assert_eq!(buffer.piece(100), Some((15, "öö\n".into())));
        buffer.sent(5, 20);
        assert_eq!(buffer.piece(100), None);
        assert_eq!((buffer.pending(), buffer.offset()), (0, 20));
    }

    #[test]
    fn what_waits_is_bounded_and_the_gap_is_said() {
        let mut buffer = Buffer::new(0, u64::MAX);
        let line = "x".repeat(64 * 1024);
        for _ in 0..40 {
            buffer.write(&line);
        }
        assert!(buffer.pending() <= PENDING_BYTES);
        while let Some((offset, text)) = buffer.piece(64 * 1024) {
            buffer.sent(text.len(), offset + text.len() as u64);
            if text.contains("lines were dropped") {
                return;
            }
        }
        panic!("the gap was not said");
    }

    #[test]
    fn a_stream_the_platform_has_no_room_for_ends() {
        let mut buffer = Buffer::new(0, 1000);
        buffer.write("one");
        assert!(buffer.close());
        buffer.write("two");
        assert_eq!((buffer.piece(100), buffer.pending()), (None, 0));
        assert!(!buffer.close(), "said once");
    }

    #[test]
    fn a_full_log_says_so_once() {
        let mut buffer = Buffer::new(0, 8);
        for _ in 0..3 {
            buffer.write("12345");
        }
        let (_, text) = buffer.piece(1000).expect("text");
        assert_eq!(text, "12345\n[the log is full: at most 8 bytes are kept]\n");
    }
}
