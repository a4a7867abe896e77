//! When GitHub asks to wait (REST documentation, "Rate limits for the REST API").

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// What the documentation asks for where an answer says nothing.
const UNSAID: Duration = Duration::from_mins(1);
const LEAST: Duration = Duration::from_secs(1);
/// No limit of GitHub lasts longer; a larger number is an error on the way.
const MOST: Duration = Duration::from_hours(24);

/// Returns how long to wait, if the answer is about a limit at all: a 403 alone may also be a missing permission.
///
/// `said` is the text of the answer, its link to the documentation included.
pub(super) fn wait(status: StatusCode, headers: &HeaderMap, said: &str, now: Timestamp) -> Option<Duration> {
    let retry_after = headers.get("retry-after");
    let used_up = number(headers, "x-ratelimit-remaining") == Some(0);
    let limited = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => retry_after.is_some() || used_up || speaks_of_limits(said),
        _ => false,
    };
    if !limited {
        return None;
    }
    let wait = match retry_after {
        Some(_) => number(headers, "retry-after").and_then(|seconds| u64::try_from(seconds).ok()),
        None if used_up => until_reset(headers, now),
        None => None,
    };
    Some(wait.map_or(UNSAID, Duration::from_secs).clamp(LEAST, MOST))
}

/// Seconds until the window begins anew, by GitHub's own clock where the answer shows it.
fn until_reset(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let reset = number(headers, "x-ratelimit-reset")?;
    let date = headers.get("date").and_then(|date| {
        rfc2822::DateTimeParser::new()
            .parse_timestamp(date.as_bytes())
            .ok()
    });
    let left = reset.saturating_sub(date.unwrap_or(now).as_second());
    Some(u64::try_from(left).unwrap_or(0))
}

fn speaks_of_limits(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["rate limit", "rate-limit", "abuse detection"]
        .iter()
        .any(|words| said.contains(words))
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECONDARY: &str = "You have exceeded a secondary rate limit.";

    #[rstest]
    #[case::told_to_wait(403, &[("retry-after", "7")], "", Some(7))]
    #[case::told_with_429(429, &[("retry-after", "120")], "", Some(120))]
    #[case::told_nothing(429, &[], "", Some(60))]
    #[case::told_nothing_but_why(403, &[], SECONDARY, Some(60))]
    #[case::why_by_link(403, &[], "no https://docs.github.com/rest/rate-limits", Some(60))]
    #[case::window_used_up(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1300")], "", Some(300))]
    #[case::window_by_their_clock(
        429,
        &[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1300"),
            ("date", "Thu, 01 Jan 1970 00:20:00 GMT"),
        ],
        "",
        Some(100)
    )]
    #[case::window_already_over(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")], "", Some(1))]
    #[case::window_not_used_up(403, &[("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1300")], SECONDARY, Some(60))]
    #[case::unreadable(429, &[("retry-after", "soon")], "", Some(60))]
    #[case::at_once(429, &[("retry-after", "0")], "", Some(1))]
    #[case::absurd(429, &[("retry-after", "99999999999")], "", Some(86400))]
    #[case::a_missing_permission(403, &[("x-ratelimit-remaining", "9")], "Resource not accessible by integration", None)]
    #[case::not_found(404, &[("x-ratelimit-remaining", "0")], SECONDARY, None)]
    fn a_limit_is_told_from_a_refusal(
        #[case] status: u16,
        #[case] given: &[(&'static str, &'static str)],
        #[case] said: &str,
        #[case] seconds: Option<u64>,
    ) {
        let headers: HeaderMap = given
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect::<HeaderMap>();
        let status = StatusCode::from_u16(status).expect("a status");
        let now = Timestamp::from_second(1000).expect("in range");
        assert_eq!(
            wait(status, &headers, said, now),
            seconds.map(Duration::from_secs)
        );
    }
}
