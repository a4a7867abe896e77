//! The last lines of a runner, for a person who asks what is going on.

use futures_util::{AsyncRead, AsyncReadExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, ResourceExt};
use orchestrator::ports::cluster::{ClusterError, RunnerKey};

use super::Kubernetes;
use super::calls::{DEADLINE, list, within};
use super::error::classify;
use super::manifest::{AGENT, SUPERVISOR};

/// Lines asked for: more than fit into what anybody reads.
const LINES: i64 = 2_000;

pub(super) async fn tail(
    cluster: &Kubernetes,
    key: &RunnerKey,
    max_bytes: i64,
) -> Result<Vec<(String, String)>, ClusterError> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &cluster.names.namespace(&key.project));
    let found = list("list pods of a runner", &pods, &cluster.names.runner(key)).await?;
    let Some(pod) = found
        .iter()
        .max_by_key(|pod| pod.creation_timestamp().map(|made| made.0))
    else {
        return Ok(Vec::new());
    };
    let limit = usize::try_from(max_bytes).unwrap_or(0);
    let mut logs = Vec::new();
    for container in [SUPERVISOR, AGENT] {
        if let Some(text) = of_container(&pods, &pod.name_any(), container, limit).await? {
            logs.push((container.to_owned(), text));
        }
    }
    Ok(logs)
}

/// None where there is no log yet: the container has not started.
async fn of_container(
    pods: &Api<Pod>,
    pod: &str,
    container: &str,
    limit: usize,
) -> Result<Option<String>, ClusterError> {
    let params = LogParams {
        container: Some(container.to_owned()),
        tail_lines: Some(LINES),
        ..LogParams::default()
    };
    let stream = match within("read log", pods.log_stream(pod, &params)).await? {
        Ok(stream) => stream,
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => return Ok(None),
        Err(error) => return Err(classify("read log", &error)),
    };
    let late = |_| ClusterError::Unavailable("the log did not end in time".to_owned());
    let tail = tokio::time::timeout(DEADLINE, last_bytes(stream, limit))
        .await
        .map_err(late)?;
    tail.map(Some)
        .map_err(|error| ClusterError::Unavailable(format!("read log: {error}")))
}

/// Reads to the end and keeps no more than twice the limit at any time.
async fn last_bytes(from: impl AsyncRead + Send, limit: usize) -> std::io::Result<String> {
    let mut from = std::pin::pin!(from);
    let mut kept: Vec<u8> = Vec::new();
    let mut piece = vec![0; 16 * 1_024];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&piece[..read]);
        if kept.len() > limit.saturating_mul(2) {
            kept.drain(..kept.len() - limit);
        }
    }
    let mut start = kept.len().saturating_sub(limit);
    // A character that was cut in two is left out.
    while kept
        .get(start)
        .is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000)
    {
        start += 1;
    }
    Ok(String::from_utf8_lossy(&kept[start..]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_is_kept_whole_characters_only() {
        let text = format!("{}äöü", "x".repeat(100_000));
        assert_eq!(last_bytes(text.as_bytes(), 4).await.expect("read"), "öü");
        assert_eq!(last_bytes(text.as_bytes(), 5).await.expect("read"), "öü");
        assert_eq!(last_bytes("all".as_bytes(), 100).await.expect("read"), "all");
        assert_eq!(last_bytes("none".as_bytes(), 0).await.expect("read"), "");
    }
}
