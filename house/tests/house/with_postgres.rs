//! The server that tests get: the one that is given, before one of their own.

use std::process::Command;

/// What a command sees of the databases, if `house` was told of these.
fn seen(given: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_house"))
        .args([
            "with-postgres",
            "--",
            "sh",
            "-c",
            "echo $TEST_DATABASE_URL,$DATABASE_URL",
        ])
        .env_remove("TEST_DATABASE_URL")
        .env_remove("DATABASE_URL")
        .envs(given.iter().copied())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn a_given_server_is_used_and_queries_are_never_checked_against_it() {
    let (test, database) = (("TEST_DATABASE_URL", "t"), ("DATABASE_URL", "d"));
    assert_eq!(seen(&[test, database]), "t,");
    assert_eq!(seen(&[database]), "d,");
    assert_eq!(seen(&[("TEST_DATABASE_URL", ""), database]), "d,");
}
