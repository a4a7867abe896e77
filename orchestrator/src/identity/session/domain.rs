//! How long a session lives.

use jiff::SignedDuration;
#[cfg(any(feature = "postgres", test))]
use jiff::Timestamp;

use crate::actor::words;

/// A session ends so long after the sign-in, whatever happens.
pub const ABSOLUTE_LIFE: SignedDuration = SignedDuration::from_hours(12);
/// A session ends when it was not used for so long.
pub const IDLE_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// Sessions of a person that live at once; one more ends the oldest.
pub const MAX_PER_PERSON: i64 = 10;
/// When a session was last used is written down at most so often.
#[cfg(any(feature = "postgres", test))]
const TOUCH_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// How a person proved to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Github,
    /// A one-use code of the installation's operator.
    BreakGlass,
}

words!(Method: Github = "github", BreakGlass = "break_glass");

/// What decides about a session's life.
#[cfg(any(feature = "postgres", test))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) last_seen: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) revoked: Option<Timestamp>,
}

#[cfg(any(feature = "postgres", test))]
impl Life {
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires && now < self.last_seen + IDLE_LIFE
    }

    /// Whether its use is worth a write.
    pub(super) fn wants_touch(&self, now: Timestamp) -> bool {
        now >= self.last_seen + TOUCH_EVERY
    }
}

/// Cuts what a browser says of itself to what a row takes.
#[cfg(any(feature = "postgres", test))]
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, 100, false, true)]
    #[case(3599, 100, false, true)]
    #[case(3600, 100, false, false)]
    #[case(0, 0, false, false)]
    #[case(0, -1, false, false)]
    #[case(0, 100, true, false)]
    fn a_session_lives_while_it_is_used_and_young(
        #[case] idle_seconds: i64,
        #[case] seconds_left: i64,
        #[case] revoked: bool,
        #[case] lives: bool,
    ) {
        let now = Timestamp::UNIX_EPOCH;
        let life = Life {
            last_seen: now - SignedDuration::from_secs(idle_seconds),
            expires: now + SignedDuration::from_secs(seconds_left),
            revoked: revoked.then_some(now),
        };
        assert_eq!(life.is_live(now), lives);
    }

    #[test]
    fn what_a_browser_says_is_cut_between_letters() {
        assert_eq!(cut("Mozilla", 256), "Mozilla");
        assert_eq!(cut("aä", 2), "a");
    }
}
