use super::*;

fn labeled() -> serde_json::Value {
    serde_json::json!({
        "action": "labeled",
        "label": { "id": 1, "name": "run:dev" },
        "issue": {
            "number": 1, "title": "Spelling", "state": "open", "body": "Fix it", "user": { "id": 5, "login": "eve" },
            "labels": [{ "name": "bug" }, { "name": "run:dev" }],
            "html_url": "https://github.example/acme/shop/issues/1", "updated_at": "2019-05-15T15:20:18Z"
        },
        "repository": { "id": 186_853_002, "default_branch": "main" },
        "sender": { "id": 21_031_067, "login": "dana", "type": "User" }
    })
}

fn read(value: &serde_json::Value) -> Payload {
    parse(Some("application/json"), value.to_string().as_bytes()).unwrap()
}

#[test]
fn a_payload_in_the_rules_words() {
    let event = event("issues", &read(&labeled()));
    insta::assert_debug_snapshot!(event);
}

#[test]
fn an_edit_tells_the_text_before_it() {
    let told = |changes: serde_json::Value| {
        let mut value = labeled();
        value["changes"] = changes;
        event("issues", &read(&value)).issue_text_sha256_before
    };
    let digest = |title, body| Some(issue_text_sha256(title, body));
    let from = |text: &str| serde_json::json!({ "from": text });
    assert_eq!(
        told(serde_json::json!({ "title": from("Typo") })),
        digest("Typo", "Fix it")
    );
    assert_eq!(
        told(serde_json::json!({ "body": from("Fixit") })),
        digest("Spelling", "Fixit")
    );
    assert_eq!(
        told(serde_json::json!({ "body": { "from": null } })),
        digest("Spelling", "")
    );
    let both = serde_json::json!({ "title": from("Typo"), "body": from("Fixit") });
    assert_eq!(told(both), digest("Typo", "Fixit"));
    for odd in [
        serde_json::json!({}),
        serde_json::json!([]),
        serde_json::json!({ "labels": {} }),
    ] {
        assert_eq!(told(odd), None);
    }
    assert_eq!(
        event("issues", &read(&labeled())).issue_text_sha256,
        digest("Spelling", "Fix it")
    );
}

#[test]
fn a_field_of_another_type_is_a_missing_field() {
    let mut value = labeled();
    for (field, odd) in [
        ("/action", serde_json::json!(7)),
        ("/label", serde_json::json!("run:dev")),
        ("/issue/number", serde_json::json!("1")),
        ("/issue/user", serde_json::Value::Null),
        ("/issue/labels", serde_json::json!({ "a": 1 })),
        ("/repository/id", serde_json::json!(1.5)),
        ("/sender", serde_json::json!([])),
    ] {
        *value.pointer_mut(field).unwrap() = odd;
    }
    let payload = read(&value);
    assert_eq!(payload.action, None);
    assert_eq!(payload.label, None);
    let issue = payload.issue.as_ref().unwrap();
    assert_eq!((issue.number, &issue.user, &issue.labels), (None, &None, &None));
    assert_eq!(issue.title.as_deref(), Some("Spelling"));
    assert_eq!(payload.repository.as_ref().unwrap().id, None);
    assert_eq!(event("issues", &payload).sender, None);
}

#[test]
fn what_is_no_object_is_unreadable() {
    for body in [
        "",
        "null",
        "[]",
        "[1]",
        "\"x\"",
        "{",
        "{\"action\":",
        "\u{feff}{}",
    ] {
        assert_eq!(parse(None, body.as_bytes()), None, "{body:?}");
    }
    assert_eq!(parse(None, b"{}"), Some(Payload::default()));
    assert_eq!(parse(None, b"\xff\xfe"), None);
}

#[test]
fn a_projection_needs_what_a_list_shows() {
    let repository_id = RepositoryId::new();
    let item = projection(repository_id, &read(&labeled())).unwrap();
    assert_eq!((item.number, item.open, item.labels.len()), (1, true, 2));
    assert_eq!(item.kind, WorkItemKind::Issue);
    let mut without = labeled();
    without["issue"].as_object_mut().unwrap().remove("state");
    assert_eq!(projection(repository_id, &read(&without)), None);
}

#[test]
fn a_push_to_the_default_branch_is_one() {
    let push = |git_ref: &str| {
        let value =
            serde_json::json!({ "ref": git_ref, "repository": { "id": 1, "default_branch": "trunk" } });
        event("push", &read(&value)).pushes_default_branch
    };
    assert!(push("refs/heads/trunk"));
    assert!(!push("refs/heads/main"));
    assert!(!push("refs/tags/trunk"));
}

#[test]
fn a_verdict_survives_its_columns() {
    let run_id = RunId::new();
    for verdict in [
        Verdict::RunCreated(run_id),
        Verdict::RunEnded(run_id),
        Verdict::Recorded,
        Verdict::Ignored(IgnoreReason::Bot),
        Verdict::Conflict(ConflictReason::LabelConflict),
        Verdict::Failed("GitHub is away".into()),
    ] {
        let detail = if let Verdict::Failed(detail) = &verdict {
            Some(detail.as_str())
        } else {
            None
        };
        let read = Verdict::parse(verdict.word(), verdict.reason(), detail, verdict.run_id());
        assert_eq!(read, Some(verdict));
    }
}
