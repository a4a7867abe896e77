//! Every example payload of GitHub's webhooks, and what GitHub may make of them tomorrow: each gets a verdict, none an
//! error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use orchestrator::delivery::{self, Verdict};
use serde_json::{Value, json};

use crate::inbox::{Inbox, open_issue};

/// The examples' repository and its owner, made known.
const REPOSITORY: i64 = 186_853_002;
const SENDER: i64 = 21_031_067;

/// Folder of an npm package that the lab pins; fetched once through the user's own npm.
fn npm_package(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../lab/npm");
    let package = folder.join("node_modules").join(name);
    // Of several tests that ask at once one installs; npm writes the file that is looked for last.
    let lock = File::open(folder.join("package-lock.json")).expect("the lock file is committed");
    lock.lock().expect("one at a time");
    if !folder.join("node_modules/.package-lock.json").is_file() {
        let fetched = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .status()
            .expect("npm is needed to fetch GitHub's example payloads: install Node.js 20 or newer");
        assert!(fetched.success(), "npm ci failed in lab/npm; its output says why");
    }
    package
}

/// Event name and payload of each example.
fn examples() -> Vec<(String, Value)> {
    let index = npm_package("@octokit/webhooks-examples").join("api.github.com/index.json");
    let text = std::fs::read(index).expect("the package holds api.github.com/index.json");
    let events: Vec<Value> = serde_json::from_slice(&text).expect("a list of events");
    let of = |event: &Value| {
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        let examples = event["examples"].as_array().cloned().unwrap_or_default();
        examples.into_iter().map(move |example| (name.clone(), example))
    };
    events.iter().flat_map(of).collect()
}

/// Puts a payload where the rules apply to it.
fn made_known(payload: &mut Value) {
    if payload["repository"].is_object() {
        payload["repository"]["id"] = json!(REPOSITORY);
    }
}

async fn known() -> Inbox {
    let inbox = Inbox::new().await;
    for sql in [
        format!("UPDATE repositories SET github_repository_id = {REPOSITORY}"),
        format!("UPDATE people SET github_user_id = {SENDER}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(inbox.db.pool())
            .await
            .unwrap();
    }
    inbox
}

#[tokio::test]
async fn every_example_gets_a_verdict() {
    let inbox = known().await;
    let examples = examples();
    assert_eq!(examples.len(), 329);
    let mut table: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for (n, (event, mut payload)) in examples.into_iter().enumerate() {
        made_known(&mut payload);
        let verdict = inbox
            .verdict(&format!("example-{n}"), &event, &payload, &open_issue(&[]))
            .await;
        let row = format!("{event}.{}", payload["action"].as_str().unwrap_or("-"));
        let verdict = format!("{}({})", verdict.word(), verdict.reason().unwrap_or_default());
        *table.entry(row).or_default().entry(verdict).or_default() += 1;
    }
    let lines = table.iter().map(|(row, verdicts)| {
        let verdicts: Vec<_> = verdicts
            .iter()
            .map(|(verdict, count)| format!("{count} {verdict}"))
            .collect();
        format!("{row:<60}{}", verdicts.join(", "))
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(
        inbox
            .count("SELECT count(*) FROM deliveries WHERE verdict IS NULL")
            .await,
        0
    );
    assert_eq!(inbox.effects().await.len(), 0);
    inbox.db.done().await;
}

type Mutation = (&'static str, fn(&mut Value));

const MUTATIONS: [Mutation; 19] = [
    ("an unknown field", |payload| {
        payload["moon"] = json!({ "phase": "full" });
    }),
    ("a new type of sender", |payload| {
        payload["sender"]["type"] = json!("Robot");
    }),
    ("an unknown action", |payload| {
        payload["action"] = json!("teleported");
    }),
    ("typed", |payload| payload["action"] = json!("typed")),
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
    ("custom properties of another shape", |payload| {
        payload["repository"]["custom_properties"] = json!([{ "property_name": "tier", "value": null }]);
    }),
    ("no action", |payload| {
        drop(payload.as_object_mut().map(|fields| fields.remove("action")));
    }),
    ("a deleted author", |payload| {
        payload["issue"]["user"] = Value::Null;
    }),
    ("a new state_reason", |payload| {
        payload["issue"]["state_reason"] = json!("bored");
    }),
    ("a deleted fork", |payload| {
        payload["pull_request"]["head"]["repo"] = Value::Null;
    }),
    ("no sender", |payload| payload["sender"] = Value::Null),
    ("no repository", |payload| payload["repository"] = Value::Null),
    ("numbers as text", |payload| {
        payload["issue"]["number"] = json!("1");
    }),
    ("an empty object", |payload| *payload = json!({})),
];

#[tokio::test]
async fn what_github_may_send_tomorrow_gets_a_verdict() {
    let inbox = known().await;
    let routed = [
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "push",
    ];
    let (mut read, mut worked_on) = (0, BTreeSet::new());
    for (event, payload) in examples() {
        let first_of_its_kind = routed.contains(&event.as_str()) && worked_on.insert(event.clone());
        for (name, change) in MUTATIONS {
            let mut payload = payload.clone();
            made_known(&mut payload);
            change(&mut payload);
            read += 1;
            let parsed = delivery::domain::parse(None, payload.to_string().as_bytes());
            assert!(parsed.is_some(), "{event} with {name} is read");
            // Each mutation of each event that a rule looks at, through everything.
            if first_of_its_kind {
                let guid = format!("m-{read}");
                let verdict = inbox.verdict(&guid, &event, &payload, &open_issue(&[])).await;
                assert!(!matches!(verdict, Verdict::Failed(_)), "{event} with {name}");
            }
        }
    }
    let typed = json!({ "action": "opened", "issue": 7, "sender": "x" });
    inbox
        .verdict("unknown-event", "moon_phase", &typed, &open_issue(&[]))
        .await;
    assert_eq!(read, 329 * MUTATIONS.len());
    assert_eq!(worked_on.len(), routed.len());
    inbox.db.done().await;
}

/// The label that starts a run, in payloads as GitHub may send them tomorrow.
#[tokio::test]
async fn a_mutated_label_still_starts_a_run_unless_it_lost_its_meaning() {
    let inbox = known().await;
    let labeled = |(event, payload): &(String, Value)| event == "issues" && payload["action"] == "labeled";
    let (event, example) = examples().into_iter().find(labeled).expect("the example");
    let mut started = Vec::new();
    for (n, (name, change)) in (1_i64..).zip(MUTATIONS) {
        let mut payload = example.clone();
        made_known(&mut payload);
        payload["label"]["name"] = json!("run:dev");
        payload["issue"]["number"] = json!(n);
        change(&mut payload);
        let mut read = open_issue(&["bug"]);
        read.author_permission = orchestrator::ports::code_host::HostPermission::Write;
        if let Some(issue) = &mut read.issue {
            issue.number = n;
        }
        let verdict = inbox.verdict(&format!("dev-{n}"), &event, &payload, &read).await;
        assert!(!matches!(verdict, Verdict::Failed(_)), "{name}: {verdict:?}");
        if matches!(verdict, Verdict::RunCreated(_)) {
            started.push(name);
        }
    }
    // A change of what no rule needs stops nothing; a sender of a new type is no person.
    assert_eq!(
        started,
        [
            "an unknown field",
            "an issue type",
            "a new mergeable_state",
            "a new state of a review",
            "a new author_association",
            "custom properties",
            "custom properties of another shape",
            "a deleted author",
            "a new state_reason",
            "a deleted fork",
        ]
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn the_labeled_example_starts_a_run() {
    let inbox = known().await;
    let labeled = |(event, payload): &(String, Value)| event == "issues" && payload["action"] == "labeled";
    let (event, mut payload) = examples().into_iter().find(labeled).expect("the example");
    made_known(&mut payload);
    payload["label"]["name"] = json!("run:dev");
    let mut read = open_issue(&["bug"]);
    read.author_permission = orchestrator::ports::code_host::HostPermission::Write;
    let verdict = inbox.verdict("labeled", &event, &payload, &read).await;
    assert!(matches!(verdict, Verdict::RunCreated(_)), "{verdict:?}");
    let form = format!("payload={}", percent(&payload.to_string()));
    let new = delivery::NewDelivery {
        guid: "form".into(),
        event,
        content_type: Some("application/x-www-form-urlencoded".into()),
        body: form.into_bytes(),
        traceparent: orchestrator::trace::TraceParent::begin(),
    };
    let received = delivery::receive(&inbox.orchestrator, new).await.unwrap();
    let verdict = inbox.work(received.delivery_id, &read).await;
    assert_eq!(
        verdict.reason(),
        Some("already_used"),
        "the same meaning in another form"
    );
    inbox.db.done().await;
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}");
        encoded
    })
}
