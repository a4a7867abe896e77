//! Every call outward passes two fault points: a test can kill the worker before and after it.

use orchestrator::fault;

/// Makes a call outward.
pub(crate) async fn outward<T>(name: &str, call: impl Future<Output = T>) -> T {
    fault::point(&format!("{name}:before"));
    let answer = call.await;
    fault::point(&format!("{name}:after"));
    answer
}
