//! Tokens and sign-ins, as staff make, see and end them; what is ended lets nobody in, at any server.

use orchestrator::actor::{PlatformRole, Role};
use orchestrator::testing::dump;
use serde_json::{Value, json};

use crate::world::World;

fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer.pointer(pointer).and_then(Value::as_str).expect("text")
}

#[tokio::test]
async fn a_programs_token_is_shown_once_and_lets_in_until_it_is_revoked_everywhere() {
    let world = World::new().await;
    let replica = world.replica().await;
    let admin = world.person_token(Some(Role::Admin)).await;
    let ask = json!({
        "project_id": world.shop.project_id, "name": "ci", "role": "contributor", "days": 7,
        "toolsets": ["runs"], "idempotency_key": "k",
    });
    let made = world.ok(&admin, "token_create", ask.clone()).await;
    let value = text(&made, "/value").to_owned();
    assert_eq!(made["token"]["kind"], "service");
    assert_eq!(made["token"]["made_by"], "person:admin");
    assert_eq!(world.ok(&value, "run_list", json!({})).await["runs"], json!([]));
    assert!(
        !world.tools(&value).await.contains(&"project_get".to_owned()),
        "narrowed"
    );

    let again = world.ok(&admin, "token_create", ask).await;
    assert_eq!(again["token"]["token_id"], made["token"]["token_id"]);
    assert!(again.get("value").is_none(), "{again}");
    let other =
        json!({"project_id": world.shop.project_id, "name": "ci", "role": "admin", "idempotency_key": "k"});
    assert_eq!(
        world.refused(&admin, "token_create", other).await,
        "idempotency_mismatch"
    );

    let kept = dump(world.db.url()).await.expect("rows");
    let signature = value.rsplit('.').next().expect("a signature");
    assert!(!kept.contains(signature), "the value is kept somewhere");

    let listed = world
        .ok(&admin, "token_list", json!({"project_id": world.shop.project_id}))
        .await;
    let mut one = listed["tokens"][0].clone();
    let used = one.as_object_mut().expect("a token").remove("last_used_at");
    assert!(used.is_some_and(|at| at.is_string()), "when it was used is known");
    assert_eq!(one, made["token"]);
    assert_eq!(replica.status(&value).await, 200);
    let id = text(&made, "/token/token_id");
    let ended = world.ok(&admin, "token_revoke", json!({"token_id": id})).await;
    assert_eq!(ended["is_live"], false);
    assert_eq!(
        replica.status(&value).await,
        401,
        "at once, at the other server too"
    );
    let again = world.ok(&admin, "token_revoke", json!({"token_id": id})).await;
    assert_eq!(again, ended);
    world.db.done().await;
}

#[tokio::test]
async fn a_personal_token_has_its_persons_rights_and_makes_nothing_that_outlives_it() {
    let world = World::new().await;
    let session = world.person_token(Some(Role::Viewer)).await;
    let made = world
        .ok(
            &session,
            "token_create",
            json!({"name": "laptop", "days": 10, "lockdown": true}),
        )
        .await;
    let laptop = text(&made, "/value").to_owned();
    let who = world.ok(&laptop, "principal_get", json!({})).await;
    assert_eq!((&who["kind"], &who["name"]), (&json!("person"), &json!("viewer")));

    let child = json!({"name": "phone", "days": 90, "toolsets": ["access", "runs"]});
    let child = world.ok(&laptop, "token_create", child).await;
    let phone = text(&child, "/value").to_owned();
    assert_eq!(
        child["token"]["expires_at"], made["token"]["expires_at"],
        "not longer"
    );
    assert_eq!(child["token"]["lockdown"], true, "not wider");
    let wider = json!({"name": "tv", "toolsets": ["access", "operations"]});
    assert_eq!(world.refused(&phone, "token_create", wider).await, "forbidden");
    let grandchild = world.ok(&phone, "token_create", json!({"name": "watch"})).await;
    let watch = text(&grandchild, "/value").to_owned();
    assert_eq!(grandchild["token"]["toolsets"], json!(["access", "runs"]));

    let own = world.ok(&session, "token_list", json!({})).await;
    assert_eq!(own["tokens"].as_array().expect("a list").len(), 3);
    let id = text(&made, "/token/token_id");
    world.ok(&session, "token_revoke", json!({"token_id": id})).await;
    for token in [&laptop, &phone, &watch] {
        assert_eq!(
            world.status(token, "tools/list").await,
            401,
            "all that came of it"
        );
    }
    assert_eq!(world.status(&session, "tools/list").await, 200);
    let program = world.service_token(Role::Viewer).await;
    assert_eq!(
        world
            .refused(&program, "token_create", json!({"name": "x"}))
            .await,
        "invalid_input"
    );
    let own = world.ok(&program, "token_list", json!({})).await;
    let id = text(&own, "/tokens/0/token_id");
    world.ok(&program, "token_revoke", json!({"token_id": id})).await;
    assert_eq!(
        world.status(&program, "tools/list").await,
        401,
        "it gave itself back"
    );
    world.db.done().await;
}

#[tokio::test]
async fn tokens_of_others_are_not_there() {
    let world = World::new().await;
    let viewer = world.person_token(Some(Role::Viewer)).await;
    let admin = world.person_token(Some(Role::Admin)).await;
    let made = world.ok(&viewer, "token_create", json!({"name": "laptop"})).await;
    let (id, person) = (text(&made, "/token/token_id"), text(&made, "/token/person_id"));
    assert_eq!(
        world
            .refused(&admin, "token_revoke", json!({"token_id": id}))
            .await,
        "not_found"
    );
    assert_eq!(
        world
            .refused(&admin, "token_list", json!({"person_id": person}))
            .await,
        "not_found"
    );
    let owner = world.platform_token(PlatformRole::Owner).await;
    let theirs = world.ok(&owner, "token_list", json!({"person_id": person})).await;
    assert_eq!(theirs["tokens"][0]["token_id"], id);
    world.ok(&owner, "token_revoke", json!({"token_id": id})).await;
    assert_eq!(world.status(text(&made, "/value"), "tools/list").await, 401);

    let auditor = world.platform_token(PlatformRole::Auditor).await;
    let programs = world.ok(&auditor, "token_list", json!({"platform": true})).await;
    assert_eq!(programs["tokens"].as_array().expect("a list").len(), 2);
    let id = text(&programs, "/tokens/0/token_id");
    assert_eq!(
        world
            .refused(&viewer, "token_list", json!({"platform": true}))
            .await,
        "not_found"
    );
    world.ok(&owner, "token_revoke", json!({"token_id": id})).await;
    assert_eq!(world.status(&auditor, "tools/list").await, 401);
    world.db.done().await;
}

#[tokio::test]
async fn a_sign_in_is_seen_and_ended_by_its_person() {
    let world = World::new().await;
    let replica = world.replica().await;
    let first = world.person_token(Some(Role::Viewer)).await;
    let person = text(&world.ok(&first, "principal_get", json!({})).await, "/id").to_owned();
    let (second, session_id) = world.session_of(person.parse().expect("an id")).await;
    let seen = world.ok(&first, "session_list", json!({})).await;
    assert_eq!(seen["sessions"][0]["session_id"], json!(session_id));
    assert_eq!(
        (&seen["sessions"][0]["is_live"], &seen["grants"]),
        (&json!(true), &json!([]))
    );

    let stranger = world.person_token(Some(Role::Admin)).await;
    let ask = json!({"session_id": session_id});
    assert_eq!(
        world.refused(&stranger, "session_revoke", ask.clone()).await,
        "not_found"
    );
    assert_eq!(replica.status(&second).await, 200);
    world.ok(&first, "session_revoke", ask.clone()).await;
    assert_eq!(replica.status(&second).await, 401);
    world.ok(&first, "session_revoke", ask).await;
    assert_eq!(
        world.refused(&first, "session_revoke", json!({})).await,
        "invalid_input"
    );

    let owner = world.platform_token(PlatformRole::Owner).await;
    let theirs = world
        .ok(&owner, "session_list", json!({"person_id": person}))
        .await;
    let live = theirs["sessions"].as_array().expect("a list").iter();
    let live = live
        .filter(|session| session["is_live"] == true)
        .collect::<Vec<_>>();
    assert_eq!(live.len(), 1);
    world
        .ok(
            &owner,
            "session_revoke",
            json!({"session_id": live[0]["session_id"]}),
        )
        .await;
    assert_eq!(world.status(&first, "tools/list").await, 401);
    world.db.done().await;
}

#[tokio::test]
async fn figures_come_hour_by_hour() {
    let world = World::new().await;
    let viewer = world.service_token(Role::Viewer).await;
    world.turn(&world.shop, 1).await;
    let ask = json!({"project_id": world.shop.project_id, "bucket": "hour", "buckets": 3});
    let series = world.ok(&viewer, "stats_series_get", ask).await;
    let points = series["points"].as_array().expect("a list");
    let runs: u64 = points.iter().filter_map(|point| point["runs"].as_u64()).sum();
    assert_eq!((points.len(), runs), (3, 1));
    let far = json!({"project_id": world.shop.project_id, "bucket": "day", "buckets": 169});
    assert_eq!(
        world.refused(&viewer, "stats_series_get", far).await,
        "invalid_input"
    );
    world.db.done().await;
}

/// A browser that was left open gives no rights away: the console is told what helps.
#[tokio::test]
async fn an_old_sign_in_is_asked_for_another() {
    let world = World::new().await;
    let admin = world.person_token(Some(Role::Admin)).await;
    let made = json!({"project_id": world.shop.project_id, "name": "ci", "role": "viewer"});
    world.ok(&admin, "token_create", made.clone()).await;
    world
        .db
        .run("UPDATE sessions SET created_at = created_at - interval '16 minutes'")
        .await;
    for (tool, ask) in [
        ("token_create", made),
        ("token_create", json!({"name": "mine"})),
        (
            "member_remove",
            json!({"project_id": world.shop.project_id, "person_id": world.shop.person_id}),
        ),
        (
            "secret_set",
            json!({"project_id": world.shop.project_id, "name": "db", "kind": "value", "value": "s3cret-of-it"}),
        ),
    ] {
        let answer = world.call(&admin, tool, ask).await;
        let said = &answer["result"]["structuredContent"];
        assert_eq!(
            (&said["code"], &said["hint"]),
            (&json!("forbidden"), &json!("sign_in")),
            "{tool}: {answer}"
        );
    }
    let ask = json!({"operation": "secret_set", "project_id": world.shop.project_id});
    let why = world.ok(&admin, "access_explain", ask).await;
    assert_eq!(
        (&why["allowed"], &why["needs_sign_in"]),
        (&json!(true), &json!(true)),
        "{why}"
    );
    world
        .ok(
            &admin,
            "project_pause",
            json!({"project_id": world.shop.project_id}),
        )
        .await;
    world.db.done().await;
}
