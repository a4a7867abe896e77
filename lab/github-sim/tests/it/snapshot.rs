use std::path::Path;

use github_sim::{AppSeed, Config, GithubSim, Webhook};
use serde_json::json;

use crate::support::{Checkout, Client, REPOSITORY, SECRET, key, seed};

async fn start(folder: &Path) -> GithubSim {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.to_owned(),
        app: AppSeed::new(key()),
        webhook: Some(Webhook {
            url: "http://127.0.0.1:1/".into(),
            secret: SECRET.into(),
        }),
        keep_state: true,
        control_key: None,
        webhooks_at_once: 1,
    };
    let sim = GithubSim::start(config).await.expect("the simulator starts");
    sim.seed(&seed()).await.expect("the seed fits");
    sim
}

#[tokio::test]
async fn state_and_repositories_outlive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = start(folder.path()).await;
    let token = sim.person_token("alice").expect("a token");
    let client = Client::new(sim.url(), Some(token.clone()));
    client
        .post("/repos/acme/shop/issues/1/comments", json!({"body": "kept"}))
        .await
        .expect(201);
    let content = json!({"message": "Add", "content": "bmV3Cg=="});
    client
        .put("/repos/acme/shop/contents/new.txt", content)
        .await
        .expect(201);
    let gone = sim.url().to_owned();
    sim.stop().await.expect("the state is written");
    let closed = tokio::net::TcpStream::connect(gone.trim_start_matches("http://")).await;
    assert!(closed.is_err(), "nobody listens any more");

    let sim = start(folder.path()).await;
    assert_eq!(sim.comments(REPOSITORY, 1).expect("comments")[0]["body"], "kept");
    let url = format!("{}/acme/shop.git", sim.url());
    let checkout = Checkout::clone(&url, Some(&token))
        .await
        .expect("the old token still works");
    checkout
        .git(&["cat-file", "-e", "HEAD:new.txt"])
        .await
        .expect("the file is there");
    let page = Client::new(sim.url(), Some(token))
        .get("/repos/acme/shop")
        .await
        .expect(200);
    assert_eq!(page.body["html_url"], format!("{}/acme/shop", sim.url()));
}

#[tokio::test]
async fn an_address_that_others_could_reach_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config {
        listen: ([0, 0, 0, 0], 0).into(),
        data_dir: folder.path().to_owned(),
        app: AppSeed::new(key()),
        webhook: None,
        keep_state: false,
        control_key: None,
        webhooks_at_once: 1,
    };
    let refused = GithubSim::start(config).await.err().expect("a refusal");
    assert!(refused.to_string().contains("use 127.0.0.1"), "{refused}");
}
