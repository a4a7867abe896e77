//! The metrics of the process, as Prometheus reads them. Callers give whole names: `codex_…`.

use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds for durations, from a cached read to a long run's step.
const SECONDS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 600.0,
];

static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Begins to record metrics for the whole process. Asking twice gives the same recorder: several programs may share
/// one process.
///
/// # Errors
///
/// Somebody else records the metrics of this process.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .context("the bounds of the durations are not accepted")?
        .install_recorder()
        .context("this process already has another metrics recorder")?;
    Ok(installed.insert(handle).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_values_are_rendered_and_installing_twice_is_the_same() {
        let handle = install_metrics().expect("the first");
        let again = install_metrics().expect("the second");
        metrics::counter!("codex_tests_total", "result" => "ok").increment(2);
        metrics::histogram!("codex_test_seconds").record(0.3);
        let text = again.render();
        assert_eq!(text, handle.render());
        assert!(text.contains("codex_tests_total{result=\"ok\"} 2"), "{text}");
        assert!(text.contains("codex_test_seconds_bucket{le=\"0.5\"} 1"), "{text}");
    }
}
