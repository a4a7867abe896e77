//! Which versions of the runner's contract are spoken.

use contract::runner::CONTRACT_VERSION;
use orchestrator::{Error, Result};
use rmcp::model::JsonObject;
use serde_json::{Value, json};

/// The field that carries it, on every tool of a supervisor.
pub(crate) const FIELD: &str = "contract_version";

/// The field's schema, for tools that need no version.
pub(crate) fn schema() -> Value {
    json!({
        "type": "integer",
        "minimum": 0,
        "description": "The version of the contract that the runner speaks: the platform's own or the one before.",
    })
}

/// Looks at the version that arguments carry, if they do.
///
/// # Errors
///
/// `Precondition` for a version that is not spoken, `Invalid` for what is none.
pub(crate) fn check(arguments: &JsonObject) -> Result<()> {
    let Some(version) = arguments.get(FIELD) else {
        return Ok(());
    };
    match version.as_u64() {
        Some(version) if is_spoken(version, CONTRACT_VERSION.into()) => Ok(()),
        Some(version) => Err(Error::Precondition(format!(
            "this platform speaks contract version {CONTRACT_VERSION} and the one before, the runner {version}; use a \
             runner of the platform's own release"
        ))),
        None => Err(Error::Invalid(format!("{FIELD}: must be a whole number"))),
    }
}

/// This version and the one before; there was none before the first.
fn is_spoken(version: u64, own: u64) -> bool {
    version != 0 && (version == own || version + 1 == own)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, 1, true)]
    #[case(0, 1, false)]
    #[case(2, 1, false)]
    #[case(6, 7, true)]
    #[case(7, 7, true)]
    #[case(5, 7, false)]
    #[case(8, 7, false)]
    fn this_version_and_the_one_before_are_spoken(
        #[case] version: u64,
        #[case] own: u64,
        #[case] expected: bool,
    ) {
        assert_eq!(is_spoken(version, own), expected);
    }

    #[test]
    fn arguments_may_leave_it_out() {
        let check = |arguments: Value| check(arguments.as_object().unwrap());
        assert!(check(json!({})).is_ok());
        assert!(check(json!({"contract_version": CONTRACT_VERSION})).is_ok());
        assert!(matches!(
            check(json!({"contract_version": 99})),
            Err(Error::Precondition(_))
        ));
        for bad in [json!("1"), json!(-1), json!(null)] {
            assert!(matches!(
                check(json!({"contract_version": bad})),
                Err(Error::Invalid(_))
            ));
        }
    }
}
