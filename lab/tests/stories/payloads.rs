//! Every example payload of GitHub's webhooks, and what GitHub may make of them tomorrow, through a real gateway and a real
//! worker: each gets a verdict, none an error, and no work is left behind.

use std::collections::BTreeMap;

use orchestrator::delivery::Verdict;
use serde_json::{Value, json};

use crate::kit::{Hook, World, eventually, examples};

type Mutation = (&'static str, fn(&mut Value));

/// GitHub adds events, actions and fields at any time, and drops what belonged to deleted accounts.
const MUTATIONS: [Mutation; 15] = [
    ("an unknown action", |payload| {
        payload["action"] = json!("teleported");
    }),
    ("untyped", |payload| payload["action"] = json!("untyped")),
    ("an issue type", |payload| {
        payload["issue"]["type"] = json!({ "id": 7, "name": "Bug", "color": "red" });
    }),
    ("a new mergeable_state", |payload| {
        payload["pull_request"]["mergeable_state"] = json!("entangled");
    }),
    ("a new state of a review", |payload| {
        payload["review"]["state"] = json!("shrugged");
    }),
    ("a new author_association", |payload| {
        for of in ["issue", "pull_request", "comment", "review"] {
            payload[of]["author_association"] = json!("NEIGHBOUR");
        }
    }),
    ("custom properties", |payload| {
        payload["repository"]["custom_properties"] = json!({ "tier": "gold", "teams": ["a", "b"] });
    }),
    ("no action", |payload| {
        drop(payload.as_object_mut().map(|fields| fields.remove("action")));
    }),
    ("a deleted author", |payload| {
        payload["issue"]["user"] = Value::Null;
    }),
    ("a deleted fork", |payload| {
        payload["pull_request"]["head"]["repo"] = Value::Null;
    }),
    ("a new type of sender", |payload| {
        payload["sender"]["type"] = json!("Robot");
    }),
    ("no sender", |payload| payload["sender"] = Value::Null),
    ("no repository", |payload| payload["repository"] = Value::Null),
    ("numbers as text", |payload| {
        payload["issue"]["number"] = json!("1");
    }),
    ("an empty object", |payload| *payload = json!({})),
];

/// Events that a rule looks at.
const ROUTED: [&str; 6] = [
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
];

/// Puts a payload where the rules apply: into the lab's repository, sent by somebody who may start runs.
fn made_known(world: &World, payload: &mut Value) {
    if payload["repository"].is_object() {
        payload["repository"]["id"] = json!(world.lab.endpoints.github_repository_id);
        payload["sender"]["id"] = json!(9002);
    }
}

#[tokio::test]
async fn whatever_github_sends_gets_a_verdict() {
    let world = World::new().await;
    let secret = world.lab.endpoints.webhook_secret.clone();
    assert_eq!(examples().len(), 329);
    let mut hooks = Vec::new();
    for (event, payload) in examples() {
        let mut payload = payload.clone();
        made_known(&world, &mut payload);
        hooks.push(Hook::signed(&secret, event, &payload));
    }
    // Each mutation of the first example of each routed event.
    for event in ROUTED {
        let (_, example) = examples()
            .iter()
            .find(|(name, _)| name == event)
            .expect("an example");
        for (_, change) in MUTATIONS {
            let mut payload = example.clone();
            made_known(&world, &mut payload);
            change(&mut payload);
            hooks.push(Hook::signed(&secret, event, &payload));
        }
    }
    hooks.push(Hook::signed(&secret, "moon_phase", &json!({ "action": 7 })));
    for hook in &hooks {
        assert_eq!(world.post(hook).await, 202, "{}", hook.event);
    }

    let all = eventually("every delivery has a verdict", async || {
        let all = world.deliveries().await;
        let settled = all.iter().filter(|delivery| delivery.verdict.is_some()).count();
        (settled >= hooks.len()).then_some(all)
    })
    .await;
    let by_guid: BTreeMap<_, _> = all
        .iter()
        .map(|delivery| (delivery.guid.as_str(), delivery))
        .collect();
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for hook in &hooks {
        let verdict = by_guid[hook.guid.as_str()].verdict.as_ref().expect("a verdict");
        assert!(
            !matches!(verdict, Verdict::Failed(_)),
            "{}: {verdict:?}: {}",
            hook.event,
            String::from_utf8_lossy(&hook.body)
        );
        *words
            .entry(format!(
                "{} {}",
                verdict.word(),
                verdict.reason().unwrap_or_default()
            ))
            .or_default() += 1;
    }
    println!("{words:#?}");
    // None of the examples carries a label of ours.
    assert_eq!(words.get("run_created "), None);
    assert_eq!(
        world.lab.github.comments(lab::REPOSITORY, 1).expect("comments"),
        Vec::<Value>::new()
    );
    let url = &world.lab.endpoints.database_url;
    eventually("no job is left behind", async || {
        let open = orchestrator::testing::open_jobs(url).await.expect("a list");
        open.is_empty().then_some(())
    })
    .await;
    world.end().await;
}
