use jiff::SignedDuration;
use orchestrator::Clock;
use orchestrator::credential::MasterKey;
use orchestrator::delivery::NewDelivery;
use orchestrator::testing::TestDb;
use orchestrator::trace::TraceParent;
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use super::*;
use crate::github::tests::world::{World, answer};

const LIST: &str = "/app/hook/deliveries";

/// GitHub's list of deliveries, and our memory of them.
struct Desk {
    github: World,
    db: TestDb,
    orchestrator: Orchestrator,
    clock: Clock,
}

impl Desk {
    async fn new() -> Self {
        let (db, clock) = (TestDb::new().await, Clock::default());
        let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
        Self {
            github: World::new().await,
            db,
            orchestrator,
            clock,
        }
    }

    /// A page of the list, minutes old; the first is the one at no cursor.
    async fn page(&self, cursor: Option<&str>, entries: &[(i64, i64)], older: Option<&str>) {
        let entries = entries.iter().map(|&(id, minutes)| {
            let at = self.clock.now() - SignedDuration::from_mins(minutes);
            json!({ "id": id, "guid": format!("g{id}"), "delivered_at": at, "status": "OK", "status_code": 503 })
        });
        let mut response = answer(200, &Value::Array(entries.collect()));
        if let Some(older) = older {
            let uri = self.github.server.uri();
            let next = format!("<{uri}{LIST}?cursor={older}>; rel=\"next\"");
            response = response.insert_header("link", next.as_str());
        }
        let mock = Mock::given(path(LIST));
        let mock = match cursor {
            Some(cursor) => mock.and(query_param("cursor", cursor)),
            None => mock.and(query_param_is_missing("cursor")),
        };
        mock.respond_with(response).mount(&self.github.server).await;
    }

    async fn redeliveries(&self, id: i64, response: ResponseTemplate) {
        let attempts = format!("{LIST}/{id}/attempts");
        self.github.on("POST", &attempts, response).await;
    }

    async fn arrived(&self, guid: &str) {
        let new = NewDelivery {
            guid: guid.to_owned(),
            event: "issues".to_owned(),
            content_type: None,
            body: b"{}".to_vec(),
            traceparent: TraceParent::begin(),
        };
        delivery::receive(&self.orchestrator, new).await.expect("kept");
    }

    async fn round(&self) -> Result<()> {
        fetch_missed(&self.orchestrator, &self.github.host).await
    }

    /// The deliveries asked for again so far, in order.
    async fn asked_again(&self) -> Vec<i64> {
        let asked = self.github.asked().await;
        let ids = asked.iter().filter_map(|request| {
            let id = request.strip_prefix("POST ")?.strip_prefix(LIST)?;
            id.strip_prefix('/')?.strip_suffix("/attempts")?.parse().ok()
        });
        ids.collect()
    }
}

#[tokio::test]
async fn one_that_cannot_be_had_stops_neither_the_others_nor_the_search() {
    let desk = Desk::new().await;
    desk.page(None, &[(9, 1), (8, 2), (7, 3), (6, 4)], None).await;
    desk.arrived("g8").await;
    let gone = answer(422, &json!({ "message": "the delivery has no payload any more" }));
    // Whatever is asked for first, one of these comes before another.
    desk.redeliveries(9, gone.clone()).await;
    desk.redeliveries(7, gone).await;
    desk.redeliveries(6, answer(202, &json!({}))).await;
    desk.round().await.expect("it goes on");
    let mut asked = desk.asked_again().await;
    asked.sort_unstable();
    assert_eq!(asked, [6, 7, 9]);
    desk.round().await.expect("nothing is due");
    assert_eq!(desk.asked_again().await.len(), 3, "the search ended");
    desk.db.done().await;
}

#[tokio::test]
async fn a_long_list_is_searched_to_its_end_in_several_rounds() {
    let desk = Desk::new().await;
    let last = PAGES + 3;
    for number in 0..=last {
        let cursor = (number > 0).then(|| format!("c{number}"));
        let older = (number < last).then(|| format!("c{}", number + 1));
        let id = i64::try_from(number).expect("small");
        desk.page(cursor.as_deref(), &[(id, id + 1)], older.as_deref())
            .await;
        desk.redeliveries(id, answer(202, &json!({}))).await;
    }
    let all: Vec<i64> = (0..).take(last + 1).collect();
    desk.round().await.expect("a part");
    assert_eq!(desk.asked_again().await, all[..PAGES]);
    desk.round().await.expect("the rest, at once: nobody holds it");
    assert_eq!(desk.asked_again().await, all);
    let now = desk.clock.now();
    desk.clock.advance(SignedDuration::from_mins(11));
    let next = delivery::begin_sweep(&desk.orchestrator)
        .await
        .expect("an answer");
    let next = next.expect("it is due again");
    assert_eq!(next.cursor, None, "from the newest on");
    assert!(
        next.since <= now - SignedDuration::from_mins(59),
        "since the first part began"
    );
    desk.db.done().await;
}

#[tokio::test]
async fn many_missed_ones_of_a_page_are_all_asked_for() {
    let desk = Desk::new().await;
    let entries: Vec<(i64, i64)> = (0..80).map(|id| (id, 1)).collect();
    desk.page(None, &entries, Some("c1")).await;
    desk.page(Some("c1"), &[(100, 2)], None).await;
    for id in (0..80).chain([100]) {
        desk.redeliveries(id, answer(202, &json!({}))).await;
    }
    desk.round().await.expect("a part");
    assert_eq!(desk.asked_again().await.len(), 80);
    desk.round().await.expect("the rest");
    assert_eq!(desk.asked_again().await.last(), Some(&100));
    desk.db.done().await;
}

#[tokio::test]
async fn while_github_is_away_nothing_is_skipped() {
    let desk = Desk::new().await;
    desk.page(None, &[(2, 1)], Some("c1")).await;
    desk.redeliveries(2, answer(202, &json!({}))).await;
    Mock::given(path(LIST))
        .and(query_param("cursor", "c1"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&desk.github.server)
        .await;
    desk.round().await.expect_err("GitHub is away");
    desk.page(Some("c1"), &[(1, 2)], None).await;
    desk.redeliveries(1, answer(202, &json!({}))).await;
    desk.round().await.expect("the rest");
    assert_eq!(desk.asked_again().await, [2, 1], "it went on where it was");
    desk.db.done().await;
}

#[tokio::test]
async fn what_is_older_than_the_last_search_is_left_alone() {
    let desk = Desk::new().await;
    desk.page(None, &[(3, 1), (2, 60 * 24 * 4)], Some("c1")).await;
    desk.redeliveries(3, answer(202, &json!({}))).await;
    desk.round().await.expect("the end was reached");
    assert_eq!(desk.asked_again().await, [3]);
    desk.db.done().await;
}
