//! Startup, liveness and readiness probes.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::process;
use crate::object::{integer, text};
use crate::sandbox::spec::ExecSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeKind {
    Startup,
    Liveness,
    Readiness,
}

/// What a probe found, after as many tries as its thresholds ask for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finding {
    pub(super) container: usize,
    pub(super) attempt: u32,
    pub(super) kind: ProbeKind,
    pub(super) is_well: bool,
}

/// How to look inside a container.
#[derive(Clone)]
pub(super) struct Inside {
    pub(super) launcher: PathBuf,
    pub(super) exec: ExecSpec,
}

/// Probes until the task is dropped; a startup probe ends with its first verdict.
pub(super) async fn run(
    probe: Value,
    ports: Vec<Value>,
    inside: Inside,
    mut finding: Finding,
    findings: mpsc::Sender<Finding>,
) {
    let seconds = |key: &str, otherwise: u64| {
        let found = integer(&probe, key)
            .and_then(|value| u64::try_from(value).ok())
            .unwrap_or(otherwise);
        Duration::from_secs(found)
    };
    let count = |key: &str, otherwise: i64| integer(&probe, key).unwrap_or(otherwise).max(1);
    let (period, deadline) = (seconds("/periodSeconds", 10), seconds("/timeoutSeconds", 1));
    let period = period.max(Duration::from_secs(1));
    sleep(seconds("/initialDelaySeconds", 0)).await;
    let (mut well, mut ill) = (0, 0);
    loop {
        let is_well = once(&probe, &ports, &inside, deadline.max(Duration::from_secs(1))).await;
        (well, ill) = if is_well { (well + 1, 0) } else { (0, ill + 1) };
        let is_verdict = if is_well {
            well == count("/successThreshold", 1)
        } else {
            ill == count("/failureThreshold", 3)
        };
        if is_verdict {
            finding.is_well = is_well;
            if findings.send(finding).await.is_err() || finding.kind == ProbeKind::Startup {
                return;
            }
        }
        sleep(period).await;
    }
}

async fn once(probe: &Value, ports: &[Value], inside: &Inside, deadline: Duration) -> bool {
    if probe.get("exec").is_some() {
        return process::exec(&inside.launcher, &inside.exec, deadline)
            .await
            .unwrap_or(false);
    }
    let port = |source: &Value| {
        let named = |name: &str| {
            let port = ports.iter().find(|port| text(port, "/name") == name)?;
            integer(port, "/containerPort")
        };
        let number = source["port"]
            .as_i64()
            .or_else(|| named(source["port"].as_str()?));
        number.and_then(|number| u16::try_from(number).ok())
    };
    // Containers share the host's network, so loopback is where they listen.
    if let Some(http) = probe.get("httpGet") {
        let path = if text(http, "/path").is_empty() {
            "/"
        } else {
            text(http, "/path")
        };
        let Some(port) = port(http) else { return false };
        return timeout(deadline, http_get(port, path))
            .await
            .is_ok_and(|answer| answer.unwrap_or(false));
    }
    let Some(port) = probe.get("tcpSocket").and_then(port) else {
        return false;
    };
    timeout(deadline, TcpStream::connect(("127.0.0.1", port)))
        .await
        .is_ok_and(|found| found.is_ok())
}

async fn http_get(port: u16, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: kube-probe\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    // `HTTP/1.1 2xx` or `3xx`: anything from 200 to 399 is well.
    Ok(head.starts_with(b"HTTP/1.") && matches!(head[9], b'2' | b'3'))
}
