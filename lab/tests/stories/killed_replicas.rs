//! Two of each behind addresses that know no affinity, one killed every ten seconds under load: what was in flight there is
//! lost, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lab::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

use crate::kit::{PATIENCE, World, eventually};

/// Between two calls of one client: below what one caller may ask.
const PAUSE: Duration = Duration::from_millis(30);
/// Between two deaths, whatever has come back.
const BETWEEN: Duration = Duration::from_secs(10);
/// Of the tools' replicas and of the gateway's in turn.
const DEATHS: usize = 6;
/// Calls that must have been answered between two deaths: otherwise there was no load.
const ANSWERED: usize = 50;

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    /// Calls whose connection broke, on either side of the gateway.
    broken: AtomicUsize,
    stop: AtomicBool,
}

#[tokio::test]
async fn a_killed_replica_costs_the_calls_in_flight_and_no_others() {
    let world = World::with(|config| config.replicas = Some(2)).await;
    let endpoints = &world.lab.endpoints;
    eventually("both doors answer", async || {
        let public = reqwest::get(&endpoints.gateway_url).await.ok();
        let inside = reqwest::get(&endpoints.mcp_url).await.ok();
        public.zip(inside)
    })
    .await;
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for (number, token) in endpoints.tokens.values().enumerate() {
        let url = if number % 2 == 0 {
            &endpoints.public_mcp_url
        } else {
            &endpoints.mcp_url
        };
        clients.spawn(client(url.clone(), token.clone(), Arc::clone(&seen)));
    }
    let in_flight = clients.len();
    let mut due = interval_at(Instant::now() + BETWEEN, BETWEEN);
    for number in 0..DEATHS {
        let before = seen.answered.load(Ordering::Relaxed);
        due.tick().await;
        let answered = seen.answered.load(Ordering::Relaxed) - before;
        assert!(answered >= ANSWERED, "{answered} answers before death {number}");
        bounded(&seen, number * in_flight);
        let program = [Program::McpServer, Program::Gateway][number % 2];
        let pids = world.lab.pids(program);
        let victim = pids[number / 2 % pids.len()];
        let pid = Pid::from_raw(i32::try_from(victim).expect("a process id"));
        kill(pid, Signal::SIGKILL).expect("it was alive");
    }
    eventually("the lab starts all of them again", async || {
        let whole = |program| world.lab.pids(program).len() == 2;
        (whole(Program::McpServer) && whole(Program::Gateway)).then_some(())
    })
    .await;
    load(&seen).await;
    seen.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.expect("no answer but the right one");
    }
    bounded(&seen, DEATHS * in_flight);
    world.end().await;
}

/// A death costs each client the one call it had in flight, at most.
fn bounded(seen: &Seen, bound: usize) {
    let broken = seen.broken.load(Ordering::Relaxed);
    assert!(
        broken <= bound,
        "{broken} broken calls, and {bound} were in flight at deaths"
    );
}

/// Waits until the clients were answered some more.
async fn load(seen: &Seen) {
    let before = seen.answered.load(Ordering::Relaxed);
    eventually("calls are answered", async || {
        (seen.answered.load(Ordering::Relaxed) >= before + ANSWERED).then_some(())
    })
    .await;
}

/// Calls again and again, each time over a connection of its own, so that each may meet another replica. Any answer but
/// the right one ends the story; a connection that breaks is counted.
async fn client(url: String, token: String, seen: Arc<Seen>) {
    let http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .pool_max_idle_per_host(0)
        .no_proxy()
        .build()
        .expect("a client");
    let calls = [
        ("tools/list", json!({})),
        ("tools/call", json!({"name": "principal_get", "arguments": {}})),
        ("tools/call", json!({"name": "project_list", "arguments": {}})),
    ];
    for (method, params) in calls.iter().cycle() {
        if seen.stop.load(Ordering::Relaxed) {
            return;
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = http
            .post(&url)
            .bearer_auth(&token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&body)
            .send();
        match answered(sent.await).await {
            Some(answer) => {
                let result = &answer["result"];
                assert!(
                    result.is_object() && result["isError"] != true,
                    "{method} {params}: {answer:#}"
                );
                seen.answered.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                seen.broken.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The answer, or none where the connection broke: the client's own, or the gateway's to the tools.
async fn answered(sent: reqwest::Result<reqwest::Response>) -> Option<Value> {
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            assert!(!error.is_timeout(), "nobody waits in vain: {error:?}");
            return None;
        }
    };
    let status = response.status();
    let text = response.text().await.ok()?;
    if status == 502 {
        assert!(text.contains("\"broken\""), "{text}");
        return None;
    }
    assert_eq!(status, 200, "{text}");
    Some(serde_json::from_str(&text).expect("JSON"))
}
