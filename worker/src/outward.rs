//! Every request outward passes two fault points: a test can kill the worker before and after it. One call of a port may
//! make several requests, so the adapters pass them, not who calls the port.

use orchestrator::fault;

/// Makes a request outward. The point bears the host's name and the request's: `github.create_comment`.
pub(crate) async fn outward<T>(host: &str, request: &str, call: impl Future<Output = T>) -> T {
    let point = format!("{host}.{request}");
    fault::point(&format!("{point}:before"));
    let answer = call.await;
    fault::point(&format!("{point}:after"));
    answer
}
