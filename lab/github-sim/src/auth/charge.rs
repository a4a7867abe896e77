use http::StatusCode;
use jiff::SignedDuration;

use super::Caller;
use crate::http::Problem;
use crate::world::{Window, World};

/// Counts a request against the caller's hour; asking for the limit itself is free.
pub(crate) fn charge(world: &mut World, caller: &Caller, path: &str) -> Result<(), Problem> {
    let Some(key) = caller.window() else { return Ok(()) };
    let now = world.now();
    let resets_at = now.saturating_add(SignedDuration::from_hours(1)).unwrap_or(now);
    let limit = world.hourly_limit;
    let window = world.windows.entry(key).or_insert(Window { used: 0, resets_at });
    if window.resets_at <= now {
        *window = Window { used: 0, resets_at };
    }
    if path == "/rate_limit" {
        return Ok(());
    }
    if window.used >= limit {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "API rate limit exceeded for installation.",
        ));
    }
    window.used += 1;
    Ok(())
}
