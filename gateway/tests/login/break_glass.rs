//! The way in when GitHub is down.

use orchestrator::Actor;
use orchestrator::identity::login;
use reqwest::Method;
use secrecy::ExposeSecret;

use crate::world::World;

const SYSTEM: Actor = Actor::System("codex-k8s");

#[tokio::test]
async fn a_code_signs_an_owner_in_once_without_github() {
    let world = World::new().await;
    let code = async || {
        let code = login::issue_break_glass(&world.inside, &SYSTEM, 501, "ada")
            .await
            .unwrap();
        code.expose_secret().to_owned()
    };
    let replaced = code().await;
    let good = code().await;
    let mut browser = world.browser();
    for bad in ["", "nonsense", &replaced] {
        let answer = browser.post("/login/break-glass", &[("code", bad)]).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
    let foreign = world
        .browser()
        .request(Method::POST, "/login/break-glass")
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("code={good}"));
    assert_eq!(foreign.send().await.unwrap().status(), 403);

    let answer = browser.post("/login/break-glass", &[("code", &good)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(browser.who().await, (200, "ada".into()));
    let again = world
        .browser()
        .post("/login/break-glass", &[("code", &good)])
        .await;
    assert_eq!(again.status, 400, "once");

    let late = code().await;
    world.clock.advance(jiff::SignedDuration::from_mins(10));
    let answer = world
        .browser()
        .post("/login/break-glass", &[("code", &late)])
        .await;
    assert_eq!(answer.status, 400, "within ten minutes");
    for operation in ["break_glass_issue", "break_glass_use", "session_open_break_glass"] {
        let told: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE operation = $1")
            .bind(operation)
            .fetch_one(world.db.pool())
            .await
            .unwrap();
        assert!(told > 0, "{operation} is in the audit");
    }
    world.end().await;
}
