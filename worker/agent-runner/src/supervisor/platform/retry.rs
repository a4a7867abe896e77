//! Repeats what may work later: an upgrade of the platform must fail no run.

use std::time::Duration;

use contract::failure::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{CallError, Platform};
use crate::supervisor::end::{Failure, Reason, Result, Stop};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// How often a defect of the platform is asked again; a defect rarely mends itself.
const DEFECTS: u32 = 5;

/// What to do about a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Again { after: Option<Duration> },
    Refresh,
    Stop(Stop),
}

impl Platform {
    /// Calls a tool, repeating it with growing pauses while the platform is away.
    pub(crate) async fn call<O: DeserializeOwned>(
        &self,
        tool: &'static str,
        input: &impl Serialize,
    ) -> Result<O> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let (mut refreshed, mut defects) = (false, 0);
        loop {
            let error = match self.call_once(tool, input).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if matches!(&error, CallError::Refused(refusal) if refusal.code == ErrorCode::Internal) {
                defects += 1;
            }
            let wait = match next(tool, &error, refreshed, defects) {
                Next::Stop(stop) => return Err(stop),
                Next::Refresh => {
                    refreshed = true;
                    match self.refresh_tokens().await {
                        Ok(()) | Err(CallError::Unreachable(_)) => Duration::ZERO,
                        Err(error) => return Err(refused(tool, &error)),
                    }
                }
                Next::Again { after } => after.unwrap_or(pause),
            };
            if started.elapsed() + wait > self.patience {
                let text = format!("gave up after {} s: {error}", self.patience.as_secs());
                return Err(Failure::new(Reason::Environment, "platform_unreachable", text).into());
            }
            tracing::info!(tool, %error, "the platform did not answer; asking again");
            tokio::time::sleep(jittered(wait)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn next(tool: &str, error: &CallError, refreshed: bool, defects: u32) -> Next {
    match error {
        CallError::Unreachable(_) => Next::Again { after: None },
        CallError::Unauthenticated(_) if !refreshed => Next::Refresh,
        CallError::Unauthenticated(_) => Next::Stop(refused(tool, error)),
        CallError::Garbled(text) => Next::Stop(Failure::internal("contract", text).into()),
        CallError::Refused(refusal) => match refusal.code {
            ErrorCode::Unavailable | ErrorCode::RateLimited | ErrorCode::Capacity => Next::Again {
                after: refusal.retry_after_ms.map(Duration::from_millis),
            },
            ErrorCode::Internal if defects <= DEFECTS => Next::Again { after: None },
            ErrorCode::Unauthenticated if !refreshed => Next::Refresh,
            ErrorCode::StaleTurn => Next::Stop(Stop::Over(refusal.message.clone())),
            _ => Next::Stop(refused(tool, error)),
        },
    }
}

fn refused(tool: &str, error: &CallError) -> Stop {
    let (reason, sub_reason) = match error {
        CallError::Unauthenticated(_) => (Reason::Environment, "platform_refused"),
        CallError::Refused(refusal) => match refusal.code {
            ErrorCode::StaleTurn => return Stop::Over(refusal.message.clone()),
            ErrorCode::Unauthenticated => (Reason::Environment, "platform_refused"),
            ErrorCode::Budget => (Reason::Budget, "platform_budget"),
            ErrorCode::Internal => (Reason::Internal, "platform_defect"),
            _ => (Reason::Precondition, "platform_refused"),
        },
        CallError::Unreachable(_) => (Reason::Environment, "platform_unreachable"),
        CallError::Garbled(_) => (Reason::Internal, "contract"),
    };
    Failure::new(reason, sub_reason, format!("{tool}: {error}")).into()
}

/// Spreads the callers that all lost the platform at the same moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.75..1.25))
}

#[cfg(test)]
mod tests {
    use contract::failure::Failure as Refusal;

    use super::*;

    fn refusal(code: ErrorCode) -> CallError {
        CallError::Refused(Refusal {
            code,
            message: "no".into(),
            retry_after_ms: Some(7),
            hint: None,
        })
    }

    #[test]
    fn what_may_work_later_is_asked_again() {
        let away = CallError::Unreachable("away".into());
        assert_eq!(next("t", &away, false, 0), Next::Again { after: None });
        let later = Next::Again {
            after: Some(Duration::from_millis(7)),
        };
        assert_eq!(next("t", &refusal(ErrorCode::Unavailable), false, 0), later);
        assert_eq!(
            next("t", &refusal(ErrorCode::Internal), false, 1),
            Next::Again { after: None }
        );
    }

    #[test]
    fn what_will_not_mend_itself_ends_the_turn() {
        assert_eq!(
            next("t", &refusal(ErrorCode::StaleTurn), false, 0),
            Next::Stop(Stop::Over("no".into()))
        );
        let unauthenticated = CallError::Unauthenticated("401".into());
        assert_eq!(next("t", &unauthenticated, false, 0), Next::Refresh);
        for error in [
            unauthenticated,
            refusal(ErrorCode::Forbidden),
            CallError::Garbled("what".into()),
        ] {
            assert!(
                matches!(next("t", &error, true, 0), Next::Stop(Stop::Failed(_))),
                "{error:?}"
            );
        }
        assert!(matches!(
            next("t", &refusal(ErrorCode::Internal), false, 6),
            Next::Stop(_)
        ));
    }
}
