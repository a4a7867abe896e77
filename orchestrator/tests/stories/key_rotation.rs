//! Signing keys change while tokens of the old ones still count.

use jiff::SignedDuration;
use orchestrator::actor::PlatformRole;
use orchestrator::credential::{self, Leniency, MasterKey, NEXT_KEY_MIN_AGE, Rotation, SealedBy};
use orchestrator::testing::{AUDIENCE, TestDb};
use orchestrator::{Actor, Clock, Orchestrator};
use secrecy::ExposeSecret;

const SYSTEM: Actor = Actor::System("test");

async fn token(orchestrator: &Orchestrator, minutes: i64) -> String {
    let until = orchestrator.clock().now() + SignedDuration::from_mins(minutes);
    let role = PlatformRole::Auditor;
    let token = credential::issue_platform_token(orchestrator, AUDIENCE, "probe", role, until).await;
    token.expect("a token").token.expose_secret().to_owned()
}

async fn counts(orchestrator: &Orchestrator, token: &str) -> bool {
    credential::authenticate(orchestrator, AUDIENCE, token, Leniency::None)
        .await
        .is_ok()
}

async fn published(orchestrator: &Orchestrator) -> Vec<String> {
    let keys = credential::public_keys(orchestrator, AUDIENCE)
        .await
        .expect("keys");
    keys.into_iter().map(|key| key.kid).collect()
}

#[tokio::test]
async fn tokens_made_before_during_and_after_a_rotation_count_and_a_retired_key_ends() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    credential::ensure_signing_key(&orchestrator, AUDIENCE, SealedBy::Master)
        .await
        .unwrap();
    let before = token(&orchestrator, 30).await;
    let rotate = |now: bool| {
        let orchestrator = orchestrator.clone();
        async move {
            credential::rotate(&orchestrator, &SYSTEM, AUDIENCE, now)
                .await
                .expect("rotates")
        }
    };
    let first = published(&orchestrator).await;

    let Rotation::Prepared { next, ready_at } = rotate(false).await else {
        panic!("there was no next key");
    };
    let wait = ready_at.duration_since(orchestrator.clock().now());
    assert!(wait <= NEXT_KEY_MIN_AGE && wait > NEXT_KEY_MIN_AGE - SignedDuration::from_mins(1));
    assert_eq!(published(&orchestrator).await, [next.clone(), first[0].clone()]);
    let during = token(&orchestrator, 30).await;
    assert!(matches!(rotate(false).await, Rotation::TooYoung { next: again, .. } if again == next));

    clock.advance(NEXT_KEY_MIN_AGE);
    let Rotation::Rotated {
        retired,
        current,
        next: third,
    } = rotate(false).await
    else {
        panic!("the next key was old enough");
    };
    assert_eq!((&retired, &current), (&first[0], &next));
    assert!(matches!(rotate(false).await, Rotation::TooYoung { next: again, .. } if again == third));
    let after = token(&orchestrator, 30).await;
    for token in [&before, &during, &after] {
        assert!(counts(&orchestrator, token).await);
    }
    assert_eq!(published(&orchestrator).await.len(), 3);
    let kid = |token: &str| {
        use base64::Engine;
        let header = token.split('.').next().unwrap_or_default();
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(header)
            .expect("base64");
        serde_json::from_slice::<serde_json::Value>(&header).expect("json")["kid"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(
        [kid(&before), kid(&during), kid(&after)],
        [Some(retired.clone()), Some(retired.clone()), Some(current)]
    );

    // The last token of the retired key has expired: it is published no more, and verifies nothing once no late call may
    // show one.
    clock.advance(SignedDuration::from_mins(31));
    assert!(!published(&orchestrator).await.contains(&retired));
    let late = credential::prove(&orchestrator, &[AUDIENCE], &before).await;
    assert!(late.is_ok(), "who shows an expired token hears that it expired");
    clock.advance(credential::REFRESH_GRACE);
    let ended = credential::prove(&orchestrator, &[AUDIENCE], &before).await;
    assert!(ended.is_err(), "a retired key ends");
    db.done().await;
}

#[tokio::test]
async fn a_key_that_leaked_is_replaced_at_once() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    credential::ensure_signing_key(&orchestrator, AUDIENCE, SealedBy::Master)
        .await
        .unwrap();
    let before = token(&orchestrator, 30).await;
    let rotated = credential::rotate(&orchestrator, &SYSTEM, AUDIENCE, true)
        .await
        .unwrap();
    assert!(matches!(rotated, Rotation::Rotated { .. }), "{rotated:?}");
    assert!(counts(&orchestrator, &before).await);
    assert!(counts(&orchestrator, &token(&orchestrator, 30).await).await);

    let (one, other) = tokio::join!(
        credential::rotate(&orchestrator, &SYSTEM, AUDIENCE, false),
        credential::rotate(&orchestrator, &SYSTEM, AUDIENCE, false),
    );
    for quick in [one.unwrap(), other.unwrap()] {
        assert!(matches!(quick, Rotation::TooYoung { .. }), "{quick:?}");
    }
    let elsewhere = db.orchestrator().await;
    let refused = credential::rotate(&elsewhere, &SYSTEM, AUDIENCE, true).await;
    assert!(
        refused.is_err(),
        "a wrong key file must not seal a new key: {refused:?}"
    );
    let audited: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE operation = 'signing_key_rotate'")
            .fetch_one(db.pool())
            .await
            .unwrap();
    assert_eq!(audited, 1);
    db.done().await;
}
