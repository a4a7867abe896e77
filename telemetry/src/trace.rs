//! W3C trace context, level 1: the header `traceparent`.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The lowest bit of the flags: the caller records this trace.
const SAMPLED: u8 = 1;

/// Where in which trace we are. Neither id is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// The text is no `traceparent`; a receiver then begins a trace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl TraceParent {
    /// Begins a new, sampled trace.
    pub fn generate() -> Self {
        Self {
            trace_id: Uuid::new_v4().as_u128(),
            span_id: new_span_id(),
            flags: SAMPLED,
        }
    }

    /// Takes over a caller's trace, or begins one if there is none or it is malformed.
    pub fn accept(header: Option<&str>) -> Self {
        header
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(Self::generate)
    }

    /// The same trace, in a span of its own.
    #[must_use]
    pub fn child(self) -> Self {
        Self {
            span_id: new_span_id(),
            ..self
        }
    }

    /// 32 lower-case hexadecimal digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED == SAMPLED
    }
}

impl FromStr for TraceParent {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.split('-');
        let mut part = |length| parts.next().and_then(|part| hex(part, length)).ok_or(Malformed);
        let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // A later version may carry more at its end; version 00 may not, and ff is no version.
        if version == 0xff || (version == 0 && parts.next().is_some()) || trace_id == 0 || span_id == 0 {
            return Err(Malformed);
        }
        Ok(Self {
            trace_id,
            span_id: u64::try_from(span_id).map_err(|_| Malformed)?,
            flags: u8::try_from(flags).map_err(|_| Malformed)?,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }
}

fn new_span_id() -> u64 {
    // The upper half holds 60 random bits and the version, which is never zero.
    Uuid::new_v4().as_u64_pair().0
}

fn hex(part: &str, length: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (part.len() == length && part.bytes().all(lower))
        .then(|| u128::from_str_radix(part, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_is_printed_as_it_is_read() {
        let trace: TraceParent = GIVEN.parse().expect("valid");
        assert_eq!(trace.to_string(), GIVEN);
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert!(trace.is_sampled());
    }

    #[test]
    fn a_child_stays_in_the_trace_in_another_span() {
        let parent: TraceParent = GIVEN.replace("-01", "-00").parse().expect("valid");
        let child = parent.child();
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child, parent);
        assert!(!child.is_sampled());
    }

    #[rstest]
    #[case::empty("")]
    #[case::no_trace("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    #[case::no_span("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")]
    #[case::upper_case("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")]
    #[case::too_short("00-0af7651916cd43dd8448eb211c8031-b7ad6b7169203331-01")]
    #[case::signed("00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    #[case::no_version("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    #[case::more_at_the_end("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more")]
    fn a_malformed_trace_is_replaced(#[case] text: &str) {
        assert_eq!(text.parse::<TraceParent>(), Err(Malformed));
        let ours = TraceParent::accept(Some(text));
        assert_eq!(ours.to_string().parse(), Ok(ours));
    }

    #[test]
    fn a_later_version_is_read_for_what_we_know() {
        let text = format!("{}-more", GIVEN.replacen("00", "01", 1));
        let trace: TraceParent = text.parse().expect("a later version");
        assert_eq!(trace.to_string(), GIVEN);
    }
}
