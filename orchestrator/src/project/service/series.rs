//! What a project's runs came to, hour by hour or day by day.

use jiff::{SignedDuration, Timestamp};

use crate::actor::Actor;
use crate::error::Result;
use crate::id::ProjectId;
use crate::orchestrator::Orchestrator;
use crate::project::access::{self, Operation};
use crate::project::store;

/// Buckets of one series.
pub const MAX_BUCKETS: u32 = 168;

/// How long one bucket is. All begin at the full hour, or the full day, of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    Hour,
    Day,
}

impl Bucket {
    fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

/// The runs that were asked for within one bucket, and what became of them until now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    pub begins_at: Timestamp,
    pub runs: i64,
    pub succeeded: i64,
    /// With those that ran out of time.
    pub failed: i64,
    pub cancelled: i64,
    /// Summed over all their turns.
    pub active_seconds: i64,
    /// From the wish to the first slot.
    pub median_queue_seconds: Option<f64>,
    /// From the wish to the end, of those that succeeded.
    pub median_seconds_to_end: Option<f64>,
    /// As far as models have a price.
    pub cost_micro_usd: i64,
}

/// The last `buckets` buckets of a project, the one of now included, oldest first; one without runs is there too.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn series(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    bucket: Bucket,
    buckets: u32,
) -> Result<Vec<Point>> {
    let mut tx = orchestrator.look("project.series").await?;
    let project = super::get(&mut tx, project_id).await?;
    access::require(&mut tx, actor, Operation::StatsRead, &project.target()).await?;
    let mut points = empty(tx.now(), bucket, buckets.clamp(1, MAX_BUCKETS));
    let since = points.first().map_or(tx.now(), |point| point.begins_at);
    for (position, found) in store::points(&mut tx, project_id, since, bucket.seconds()).await? {
        let place = usize::try_from(position)
            .ok()
            .and_then(|position| points.get_mut(position));
        // A run of the next bucket may have come since `now`.
        if let Some(place) = place {
            let begins_at = place.begins_at;
            *place = Point { begins_at, ..found };
        }
    }
    Ok(points)
}

fn empty(now: Timestamp, bucket: Bucket, buckets: u32) -> Vec<Point> {
    let seconds = bucket.seconds();
    let into = SignedDuration::from_secs(now.as_second().rem_euclid(seconds))
        + SignedDuration::from_nanos(i64::from(now.subsec_nanosecond()));
    let last = now - into;
    (0..i64::from(buckets))
        .rev()
        .map(|back| Point {
            begins_at: last - SignedDuration::from_secs(seconds * back),
            ..Point::default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_begin_at_the_full_hour_or_day() {
        let now: Timestamp = "2026-11-24T12:34:56.789Z".parse().unwrap();
        let begins = |bucket, buckets| -> Vec<String> {
            let points = empty(now, bucket, buckets);
            points.iter().map(|point| point.begins_at.to_string()).collect()
        };
        assert_eq!(
            begins(Bucket::Hour, 2),
            ["2026-11-24T11:00:00Z", "2026-11-24T12:00:00Z"]
        );
        assert_eq!(
            begins(Bucket::Day, 3),
            [
                "2026-11-22T00:00:00Z",
                "2026-11-23T00:00:00Z",
                "2026-11-24T00:00:00Z"
            ]
        );
    }
}
