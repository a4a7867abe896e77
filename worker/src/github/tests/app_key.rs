//! The App's JWT, checked as GitHub checks it.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::key::KeyFile;
use crate::github::app_key::AppKey;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

fn claims(token: &str, public_pem: &str) -> Value {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false; // the moment is the test's own
    let key = DecodingKey::from_rsa_pem(public_pem.as_bytes()).expect("a public key");
    jsonwebtoken::decode(token, &key, &validation)
        .expect("signed with the App's key")
        .claims
}

#[rstest]
#[case::by_number("12345", json!(12345))]
#[case::by_client_id("Iv23abc", json!("Iv23abc"))]
fn the_claims_are_what_github_asks_for(#[case] app_id: &str, #[case] issuer: Value) {
    let file = KeyFile::write();
    let key = AppKey::read(app_id, &file.path, now()).expect("a good key");
    let token = key.token(now()).expect("it signs");
    let expected = json!({ "iat": 1_800_000_000 - 60, "exp": 1_800_000_000 + 540, "iss": issuer });
    assert_eq!(claims(token.expose_secret(), &file.public_pem), expected);
}

#[test]
fn a_signature_is_reused_for_a_while_and_never_near_its_end() {
    let file = KeyFile::write();
    let key = AppKey::read("1", &file.path, now()).expect("a good key");
    let at = |minutes| {
        let moment = now() + SignedDuration::from_mins(minutes);
        key.token(moment).expect("it signs").expose_secret().to_owned()
    };
    let first = at(0);
    assert_eq!(at(4), first);
    let second = at(5);
    assert_ne!(second, first);
    assert_ne!(at(-1), second, "a clock that was set back");
}

#[test]
fn a_bad_key_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.pem");
    let read = || {
        AppKey::read("1", &path, now())
            .err()
            .map(|error| format!("{error:#}"))
    };
    assert!(
        read()
            .expect("missing")
            .contains("cannot read the GitHub App's private key at")
    );
    std::fs::write(&path, "secret-canary").expect("it is ours");
    let told = read().expect("no key");
    assert!(
        told.contains("mount the private key") && !told.contains("canary"),
        "{told}"
    );
}
