use jiff::SignedDuration;
use orchestrator::Clock;
use orchestrator::actor::{Actor, PlatformRole, Role};
use orchestrator::credential::MasterKey;
use orchestrator::identity;
use orchestrator::identity::rule::{CHECK_AGAIN, CHECK_EVERY, Grant};
use orchestrator::ports::identity::Group;
use orchestrator::testing::{Seeded, TestDb, seed};
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use super::*;
use crate::github::tests::world::{World, answer};

const SYSTEM: Actor = Actor::System("test");
const MEMBERS: &str = "/orgs/acme/members";
const CORE: &str = "/orgs/acme/teams/core/members";

/// GitHub's lists of members, and who is a member of a project by them.
struct Desk {
    github: World,
    db: TestDb,
    orchestrator: Orchestrator,
    clock: Clock,
    shop: Seeded,
}

impl Desk {
    async fn new() -> Self {
        let (db, clock) = (TestDb::new().await, Clock::default());
        let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
        let github = World::new().await;
        let installation = answer(200, &json!({"id": 7, "account": {"login": "acme"}}));
        github.on("GET", "/orgs/acme/installation", installation).await;
        let shop = seed(&orchestrator, "shop", 1, 1).await.expect("a project");
        for (id, login) in [(1, "ann"), (2, "bob")] {
            let mut tx = orchestrator.begin("test.know").await.expect("a transaction");
            identity::know(&mut tx, id, login).await.expect("known");
            tx.commit().await.expect("kept");
        }
        Self {
            github,
            db,
            orchestrator,
            clock,
            shop,
        }
    }

    async fn rule(&self, team: Option<&str>, grant: Grant) {
        let group = Group {
            org: "acme".into(),
            team: team.map(str::to_owned),
        };
        rule::add(&self.orchestrator, &SYSTEM, group, grant)
            .await
            .expect("a rule");
    }

    fn contributor(&self) -> Grant {
        Grant::Project(self.shop.project_id, Role::Contributor)
    }

    /// From now on a list has these members.
    async fn members(&self, list: &str, ids: &[i64]) {
        self.answers(list, answer(200, &accounts(ids))).await;
    }

    /// From now on a list is answered so; what was said before counts no more.
    async fn answers(&self, list: &str, response: ResponseTemplate) {
        self.github.server.reset().await;
        self.github.mint().await;
        let installation = answer(200, &json!({"id": 7, "account": {"login": "acme"}}));
        self.github
            .on("GET", "/orgs/acme/installation", installation)
            .await;
        self.github.on("GET", list, response).await;
    }

    async fn round(&self) {
        recheck(&self.orchestrator, &self.github.host)
            .await
            .expect("a round");
    }

    /// The logins of those who have a role by a rule: in the project, and on the platform.
    async fn holders(&self) -> (Vec<String>, Vec<String>) {
        let project = "SELECT p.login FROM project_members m JOIN people p USING (person_id) WHERE m.by_rule ORDER BY 1";
        let platform = "SELECT login FROM people WHERE role_by_rule ORDER BY 1";
        (self.db.texts(project).await, self.db.texts(platform).await)
    }

    async fn in_project(&self) -> Vec<String> {
        self.holders().await.0
    }

    async fn failure(&self) -> Option<String> {
        let mut tx = self
            .orchestrator
            .begin("test.checks")
            .await
            .expect("a transaction");
        let checks = rule::checks(&mut tx).await.expect("checks");
        checks
            .into_iter()
            .find_map(|check| check.failure)
            .map(|(_, why)| why)
    }
}

fn accounts(ids: &[i64]) -> Value {
    ids.iter()
        .map(|id| json!({"id": id, "login": format!("user-{id}")}))
        .collect()
}

#[tokio::test]
async fn who_leaves_loses_the_role_with_the_next_hour() {
    let desk = Desk::new().await;
    desk.rule(None, desk.contributor()).await;
    desk.members(MEMBERS, &[1, 2, 3]).await;
    desk.round().await;
    assert_eq!(
        desk.in_project().await,
        ["ann", "bob"],
        "whom we do not know is nobody"
    );
    desk.members(MEMBERS, &[2]).await;
    desk.round().await;
    assert_eq!(desk.in_project().await, ["ann", "bob"], "not due");
    desk.clock.advance(CHECK_EVERY);
    desk.round().await;
    assert_eq!(desk.in_project().await, ["bob"]);
    desk.db.done().await;
}

#[tokio::test]
async fn while_github_does_not_answer_nobody_loses_anything_and_it_is_told() {
    let desk = Desk::new().await;
    desk.rule(None, desk.contributor()).await;
    desk.members(MEMBERS, &[1]).await;
    desk.round().await;
    for response in [
        answer(502, &json!({})),
        answer(403, &json!({"message": "Resource not accessible by integration"})),
        answer(200, &json!([{"login": "no id"}])),
        answer(200, &json!({"members": []})),
    ] {
        desk.clock.advance(CHECK_EVERY);
        desk.answers(MEMBERS, response).await;
        desk.round().await;
        assert_eq!(desk.in_project().await, ["ann"]);
        assert!(desk.failure().await.is_some());
    }
    desk.members(MEMBERS, &[]).await;
    desk.round().await;
    assert_eq!(desk.in_project().await, ["ann"], "it waits before it asks again");
    desk.clock.advance(CHECK_AGAIN + SignedDuration::from_secs(1));
    desk.round().await;
    assert_eq!((desk.in_project().await, desk.failure().await), (vec![], None));
    desk.db.done().await;
}

#[tokio::test]
async fn an_app_that_is_not_installed_proves_nothing_and_a_deleted_team_has_nobody() {
    let desk = Desk::new().await;
    desk.rule(Some("core"), desk.contributor()).await;
    desk.members(CORE, &[1]).await;
    desk.round().await;
    assert_eq!(desk.in_project().await, ["ann"]);
    desk.github.server.reset().await;
    desk.clock.advance(CHECK_EVERY);
    desk.round().await;
    assert_eq!(desk.in_project().await, ["ann"]);
    let why = desk.failure().await.expect("a reason");
    assert!(
        why.contains("acme/core") && why.contains("install the App"),
        "{why}"
    );
    desk.answers(CORE, answer(404, &json!({"message": "Not Found"})))
        .await;
    desk.clock.advance(CHECK_EVERY);
    desk.round().await;
    assert_eq!(desk.in_project().await, [""; 0]);
    desk.db.done().await;
}

#[tokio::test]
async fn a_group_that_was_never_listed_takes_nothing_that_it_may_have_given() {
    let desk = Desk::new().await;
    desk.rule(None, desk.contributor()).await;
    desk.rule(Some("core"), Grant::Platform(PlatformRole::Auditor))
        .await;
    let mut tx = desk.orchestrator.begin("test.ann").await.expect("a transaction");
    let ann = identity::find_by_github_user_id(&mut tx, 1)
        .await
        .expect("an answer");
    drop(tx);
    let groups = [None, Some("core")].map(|team: Option<&str>| Group {
        org: "acme".into(),
        team: team.map(str::to_owned),
    });
    let person_id = ann.expect("ann").person_id;
    rule::recheck(&desk.orchestrator, &SYSTEM, person_id, &groups)
        .await
        .expect("as at a sign-in");
    let ann = || vec!["ann".to_owned()];
    assert_eq!(desk.holders().await, (ann(), ann()));
    desk.members(MEMBERS, &[]).await;
    desk.github.on("GET", CORE, answer(502, &json!({}))).await;
    desk.round().await;
    assert_eq!(
        desk.holders().await,
        (vec![], ann()),
        "the team's list could not be had"
    );
    desk.db.done().await;
}

#[tokio::test]
async fn a_list_is_read_to_its_end_or_not_believed() {
    let desk = Desk::new().await;
    desk.rule(None, desk.contributor()).await;
    let page = |number: Option<&str>, ids: &[i64], next: Option<u32>| {
        let mut response = answer(200, &accounts(ids));
        if let Some(next) = next {
            let link = format!("<https://h{MEMBERS}?per_page=100&page={next}>; rel=\"next\"");
            response = response.insert_header("link", link.as_str());
        }
        let mock = Mock::given(path(MEMBERS));
        match number {
            Some(number) => mock.and(query_param("page", number)),
            None => mock.and(query_param_is_missing("page")),
        }
        .respond_with(response)
    };
    page(None, &[1], Some(2)).mount(&desk.github.server).await;
    desk.round().await;
    assert!(desk.failure().await.is_some(), "the second page is missing");
    assert_eq!(desk.in_project().await, [""; 0]);
    page(Some("2"), &[2], None).mount(&desk.github.server).await;
    desk.clock.advance(CHECK_EVERY);
    desk.round().await;
    assert_eq!(desk.in_project().await, ["ann", "bob"]);
    let minted = desk.github.minted().await;
    assert_eq!(minted[0], json!({"permissions": {"members": "read"}}));
    desk.db.done().await;
}
