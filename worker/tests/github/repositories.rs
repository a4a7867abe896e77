//! A repository looked at for the first time: where it is, who may bind it, whether it is ready.

use std::collections::BTreeMap;

use orchestrator::effect::{self, EffectKind, EffectState};
use orchestrator::page::PageAsk;
use orchestrator::port_call::{self, Answer, Question};
use orchestrator::ports::code_host::{CodeHost, TokenAccess};
use orchestrator::queue::{Concurrency, Performers};
use orchestrator::repository::preflight::judge;
use orchestrator::repository::{self, Changes};
use orchestrator::trace::TraceParent;
use orchestrator::{Actor, Error};

use crate::git::Checkout;
use crate::hands::Platform;
use crate::world::{REPOSITORY, World};
use orchestrator::port_call::jobs::AnswerPortCall;

/// Standing by subject.
async fn standings(world: &World) -> BTreeMap<String, (String, String)> {
    let survey = world.host.survey(&world.at()).await;
    let lines = judge(&survey).into_iter();
    lines
        .map(|line| (line.subject, (line.standing, line.finding)))
        .collect()
}

#[tokio::test]
async fn a_report_shows_what_github_shows() {
    let world = World::new().await;
    let fresh = standings(&world).await;
    let standing = |of: &BTreeMap<String, (String, String)>, subject: &str| of[subject].0.clone();
    for good in ["installation", "webhook", "workflows", "services"] {
        assert_eq!(standing(&fresh, good), "good", "{good}: {fresh:#?}");
    }
    assert_eq!(standing(&fresh, "labels"), "warning");
    assert!(fresh["labels"].1.contains("run:dev"), "{fresh:#?}");
    assert_eq!(
        standing(&fresh, "default_branch"),
        "warning",
        "nobody protected it: {fresh:#?}"
    );

    let token = world
        .host
        .repository_token(&world.at(), TokenAccess::Write)
        .await
        .expect("a token");
    let clone_url = format!("{}/{REPOSITORY}.git", world.sim.url());
    let checkout = Checkout::clone(&clone_url, &token).await.expect("a clone");
    checkout.commit("services.yaml", "kind: nonsense").await;
    checkout.push("main", &token).await.expect("a push");
    let now = standings(&world).await;
    assert_eq!(standing(&now, "services"), "warning", "{now:#?}");
    world.end().await;
}

#[tokio::test]
async fn missing_labels_are_made_once() {
    let platform = Platform::new().await;
    let system = Actor::System("test");
    let changes = Changes {
        create_labels: true,
        ..Changes::default()
    };
    let id = platform.project.repository_id;
    let trace = TraceParent::begin();
    repository::update(&platform.orchestrator, &system, id, changes, None, &trace)
        .await
        .expect("asked for");
    let page = PageAsk::new(None, None).expect("a page");
    let asked = effect::list(&platform.orchestrator, &system, None, page)
        .await
        .expect("a list")
        .items;
    assert!(
        asked
            .iter()
            .all(|it| it.write.kind() == EffectKind::LabelDefinitions)
    );
    for effect in &asked {
        let done = platform.apply(effect).await;
        assert_eq!(done.state, EffectState::Applied, "{:?}", done.reason);
    }
    let survey = platform.world.host.survey(&platform.world.at()).await;
    let labels = survey.labels.expect("a list");
    assert!(repository::label::missing(&labels).is_empty(), "{labels:?}");
    platform.end().await;
}

#[tokio::test]
async fn only_who_may_give_it_away_is_told_where_a_repository_is() {
    let platform = Platform::new().await;
    let mut performers = Performers::default();
    performers
        .add::<AnswerPortCall>(platform.hands.clone())
        .expect("one performer");
    let working = platform
        .orchestrator
        .work(performers, Concurrency::each(2))
        .expect("a queue");
    let answered = async |owner: &str, name: &str, github_user_id: i64, login: &str| {
        let question = Question::RepositoryPlace {
            owner: owner.into(),
            name: name.into(),
            github_user_id,
            login: login.into(),
        };
        let (system, trace) = (Actor::System("test"), TraceParent::begin());
        port_call::ask(&platform.orchestrator, &system, &question, &trace).await
    };
    let Ok(Answer::RepositoryPlace(place)) = answered("acme", "shop", 501, "olga").await else {
        panic!("an administrator is told");
    };
    let at = platform.world.at();
    assert_eq!(
        (place.github_repository_id, place.installation_id),
        (at.github_repository_id, at.installation_id)
    );
    // Write is not enough, a login alone proves nothing, and what is not there looks the same.
    for (owner, name, id, login) in [
        ("acme", "shop", 502, "alice"),
        ("acme", "shop", 505, "stranger"),
        ("acme", "shop", 999, "olga"),
        ("acme", "nothing", 501, "olga"),
        ("nobody", "shop", 501, "olga"),
    ] {
        let refused = answered(owner, name, id, login).await;
        let expected = Error::from(port_call::Failed::NotFound {
            what: format!("{owner}/{name}"),
        });
        assert_eq!(
            refused.expect_err(login).to_string(),
            expected.to_string(),
            "{login}"
        );
    }
    working.stop().await;
    platform.end().await;
}
