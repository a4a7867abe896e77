//! W3C trace context, kept as a string from webhook to pull request (`traceparent`, level 1).

use std::fmt;
#[cfg(feature = "postgres")]
use std::sync::Arc;

use uuid::Uuid;

/// A `traceparent` header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Begins a new, sampled trace.
    pub fn begin() -> Self {
        Self(format!("00-{}-{}-01", Uuid::new_v4().simple(), span_id()))
    }

    /// Takes over a caller's trace if it is well-formed, else begins one.
    pub fn accept(header: Option<&str>) -> Self {
        header
            .filter(|text| is_valid(text))
            .map_or_else(Self::begin, |text| Self(text.to_owned()))
    }

    /// The same trace with a span of its own.
    #[must_use]
    pub fn child(&self) -> Self {
        let trace = self.0.get(3..35).unwrap_or_default();
        Self(format!("00-{trace}-{}-01", span_id()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a use case is done for, for jobs and audit.
#[derive(Clone, Debug)]
pub struct Origin {
    pub traceparent: TraceParent,
    /// `tool run_cancel`.
    pub cause: String,
}

#[cfg(feature = "postgres")]
tokio::task_local! {
    static ORIGIN: Arc<Origin>;
}

/// Runs a future whose use cases are all done for `origin`.
#[cfg(feature = "postgres")]
pub async fn within<T>(origin: Origin, future: impl Future<Output = T>) -> T {
    ORIGIN.scope(Arc::new(origin), future).await
}

/// What this task's use cases are done for, if anybody said so.
#[cfg(feature = "postgres")]
pub(crate) fn origin() -> Option<Arc<Origin>> {
    ORIGIN.try_with(Arc::clone).ok()
}

fn span_id() -> String {
    let mut id = Uuid::new_v4().simple().to_string();
    id.truncate(16);
    id
}

fn is_valid(text: &str) -> bool {
    let lower_hex = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts[..] else {
        return false;
    };
    version == "00"
        && (trace.len(), span.len(), flags.len()) == (32, 16, 2)
        && [trace, span, flags].into_iter().all(lower_hex)
        && trace.bytes().any(|b| b != b'0')
        && span.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_header_is_taken_over_and_a_bad_one_is_not() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let taken = TraceParent::accept(Some(given));
        assert_eq!(taken.as_str(), given);
        assert_eq!(taken.child().as_str()[..35], given[..35]);
        assert_ne!(taken.child(), taken);
        for bad in [
            "",
            "00-xyz-1-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert!(is_valid(TraceParent::accept(Some(bad)).as_str()));
            assert_ne!(TraceParent::accept(Some(bad)).as_str(), bad);
        }
    }
}
