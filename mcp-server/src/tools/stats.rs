//! What a project's runs came to.

use contract::project::{
    SeriesBucket, StateCount, StatsGet, StatsPoint, StatsSeries, StatsSeriesGet, StatsView,
};
use orchestrator::Result;
use orchestrator::project::access::Operation;
use orchestrator::project::{self, Bucket, Figures, Point};

use super::{STAFF, count};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

/// Days that figures are about unless asked otherwise.
const STATS_DAYS: i64 = 30;

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Stats>().with::<Series>()
}

struct Stats;

impl Tool for Stats {
    const NAME: &'static str = "stats_get";
    const TITLE: &'static str = "Show a project's figures";
    const ABOUT: &'static str = "Shows what the runs of the last days came to: how many are in each state, the success rate, the median time to a \
         pull request and in the queue, and the cost. For one run ask run_usage_get.";
    const OPERATION: Operation = Operation::StatsRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = StatsGet;
    type Answer = StatsView;

    async fn call(call: &Call<'_>, ask: StatsGet) -> Result<StatsView> {
        let days = ask.days.map_or(STATS_DAYS, |days| days.get().cast_signed());
        let found = project::figures(call.orchestrator, call.actor, ask.project_id.into(), days).await?;
        Ok(show_figures(ask.project_id, found))
    }
}

fn show_figures(project_id: uuid::Uuid, found: Figures) -> StatsView {
    let state = |(state, runs)| StateCount {
        state,
        runs: count(runs),
    };
    StatsView {
        project_id,
        days: count(found.days),
        runs: found.runs.into_iter().map(state).collect(),
        success_rate: found.success_rate,
        median_seconds_to_pull_request: found.median_seconds_to_pull_request,
        median_queue_seconds: found.median_queue_seconds,
        cost_micro_usd: count(found.cost_micro_usd),
    }
}

struct Series;

impl Tool for Series {
    const NAME: &'static str = "stats_series_get";
    const TITLE: &'static str = "Show a project's figures over time";
    const ABOUT: &'static str = "Shows hour by hour or day by day what the runs asked for then came to: counts by end, active seconds, median times \
         and cost; buckets without runs too. For one sum over some days ask stats_get.";
    const OPERATION: Operation = Operation::StatsRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = StatsSeriesGet;
    type Answer = StatsSeries;

    async fn call(call: &Call<'_>, ask: StatsSeriesGet) -> Result<StatsSeries> {
        let (bucket, usual) = match ask.bucket {
            SeriesBucket::Hour => (Bucket::Hour, 24),
            SeriesBucket::Day => (Bucket::Day, 30),
        };
        let buckets = ask.buckets.map_or(usual, |buckets| count(buckets.get()));
        let id = ask.project_id.into();
        let points = project::series(call.orchestrator, call.actor, id, bucket, buckets).await?;
        Ok(StatsSeries {
            project_id: ask.project_id,
            bucket: ask.bucket,
            points: points.iter().map(show_point).collect(),
        })
    }
}

fn show_point(point: &Point) -> StatsPoint {
    StatsPoint {
        begins_at: point.begins_at,
        runs: count(point.runs),
        succeeded: count(point.succeeded),
        failed: count(point.failed),
        cancelled: count(point.cancelled),
        active_seconds: count(point.active_seconds),
        median_queue_seconds: point.median_queue_seconds,
        median_seconds_to_end: point.median_seconds_to_end,
        cost_micro_usd: count(point.cost_micro_usd),
    }
}
