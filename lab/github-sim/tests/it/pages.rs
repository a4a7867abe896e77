use serde_json::json;

use crate::support::{Checkout, REPOSITORY, World};

#[tokio::test]
async fn a_label_is_clicked_on_and_off() {
    let world = World::new().await;
    let browser = world.nobody();
    let page = browser.get("/acme/shop/issues/1").await.expect(200);
    assert!(
        page.text.contains("DEMO") && page.text.contains("The price is wrong"),
        "{}",
        page.text
    );
    assert!(page.text.contains("aria-pressed=\"false\""));
    let done = browser
        .form(
            "/acme/shop/issues/1/label",
            "label=run%3Adev",
            "github_sim_person=tina",
        )
        .await
        .expect(303);
    assert_eq!(done.header("location"), "/acme/shop/issues/1");
    assert!(
        browser
            .get("/acme/shop/issues/1")
            .await
            .expect(200)
            .text
            .contains("aria-pressed=\"true\"")
    );
    browser
        .form(
            "/acme/shop/issues/1/unlabel",
            "label=run%3Adev",
            "github_sim_person=tina",
        )
        .await
        .expect(303);
    browser
        .form(
            "/acme/shop/issues/1/label",
            "label=run%3Adev",
            "github_sim_person=rob",
        )
        .await
        .expect(403);
    assert_eq!(world.events().await, ["issues.labeled", "issues.unlabeled"]);
    assert_eq!(world.hooks.got()[0].body["sender"]["login"], "tina");
    world.end().await;
}

#[tokio::test]
async fn a_visitor_comments_closes_and_is_somebody_else() {
    let world = World::new().await;
    let browser = world.nobody();
    let text = "body=%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    browser
        .form("/acme/shop/issues/1/comment", text, "github_sim_person=rob")
        .await
        .expect(303);
    browser
        .form("/acme/shop/issues/1/close", "", "github_sim_person=rob")
        .await
        .expect(403);
    browser
        .form("/acme/shop/issues/1/close", "", "github_sim_person=alice")
        .await
        .expect(303);
    let page = browser.get("/acme/shop/issues/1").await.expect(200);
    assert!(
        page.text.contains("&lt;script&gt;alert(1)") && !page.text.contains("<script>"),
        "{}",
        page.text
    );
    let switched = browser
        .form("/person", "login=tina&back=%2Facme%2Fshop", "")
        .await
        .expect(303);
    assert_eq!(switched.header("location"), "/acme/shop");
    assert!(
        switched
            .header("set-cookie")
            .starts_with("github_sim_person=tina;")
    );
    let elsewhere = browser
        .form("/person", "login=tina&back=%2F%2Fevil.example", "")
        .await
        .expect(303);
    assert_eq!(elsewhere.header("location"), "/");
    assert_eq!(world.events().await, ["issue_comment.created", "issues.closed"]);
    world.end().await;
}

#[tokio::test]
async fn a_pull_request_shows_its_diff_and_is_merged() {
    let world = World::new().await;
    let token = world.installation_token().await;
    let checkout = Checkout::clone(&format!("{}/acme/shop.git", world.sim.url()), Some(&token))
        .await
        .expect("a clone");
    checkout.write("src/lib.rs", "pub fn price() -> u32 {\n    2\n}\n");
    checkout.commit("fix", "Fix").await;
    checkout.push("fix").await.expect("a push");
    let pull = json!({"title": "Fix", "head": "fix", "base": "main"});
    world
        .installation()
        .await
        .post("/repos/acme/shop/pulls", pull)
        .await
        .expect(201);
    let browser = world.nobody();
    let page = browser.get("/acme/shop/pull/2").await.expect(200);
    assert!(
        page.text.contains("<span class=\"add\">+    2</span>"),
        "{}",
        page.text
    );
    assert!(
        browser
            .get("/acme/shop/pull/2.diff")
            .await
            .expect(200)
            .text
            .starts_with("diff --git")
    );
    assert_eq!(
        browser
            .get("/acme/shop/issues/2")
            .await
            .expect(303)
            .header("location"),
        "/acme/shop/pull/2"
    );
    browser
        .form("/acme/shop/pull/2/merge", "", "github_sim_person=tina")
        .await
        .expect(403);
    browser
        .form("/acme/shop/pull/2/merge", "", "github_sim_person=alice")
        .await
        .expect(303);
    assert!(
        browser
            .get("/acme/shop/pull/2")
            .await
            .expect(200)
            .text
            .contains("state merged")
    );
    let list = browser.get("/acme/shop").await.expect(200);
    assert!(
        list.text.contains("href=\"/acme/shop/pull/2\"")
            && list.text.contains("href=\"/acme/shop/issues/1\"")
    );
    assert!(browser.get("/").await.expect(200).text.contains("acme/shop"));
    browser.get("/acme/nothing").await.expect(404);
    world.end().await;
}

#[tokio::test]
async fn a_delivery_is_sent_again_by_a_button() {
    let world = World::new().await;
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("a label");
    world.events().await;
    let id = world.sim.deliveries()[0].id;
    let browser = world.nobody();
    assert!(
        browser
            .get("/deliveries")
            .await
            .expect(200)
            .text
            .contains("issues.labeled")
    );
    assert!(
        browser
            .get(&format!("/deliveries/{id}"))
            .await
            .expect(200)
            .text
            .contains("X-Hub-Signature-256")
    );
    browser
        .form(&format!("/deliveries/{id}/redeliver"), "", "")
        .await
        .expect(303);
    assert_eq!(world.events().await, ["issues.labeled", "issues.labeled"]);
    let got = world.hooks.got();
    assert_eq!(
        got[0].header("x-github-delivery"),
        got[1].header("x-github-delivery")
    );
    world.end().await;
}

#[tokio::test]
async fn another_sites_form_is_refused() {
    let world = World::new().await;
    let browser = world.nobody();
    for path in ["/acme/shop/issues/1/close", "/_sim/clock"] {
        let request = browser
            .request(reqwest::Method::POST, path)
            .header("origin", "http://evil.example")
            .body("{}");
        crate::support::client_answer(request).await.expect(403);
    }
    world.end().await;
}
