//! Says to a client that asked for it that a call is still worked on.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How long a client hears nothing.
const EVERY: Duration = Duration::from_secs(3);

/// Whom to tell, if anybody.
pub(crate) struct Progress(Option<(ProgressToken, Peer<RoleServer>)>);

impl Progress {
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Self {
        let token = context.meta.get_progress_token();
        Self(token.map(|token| (token, context.peer.clone())))
    }

    /// Waits for the call, and says every few seconds for how long.
    pub(crate) async fn during<T>(self, call: impl Future<Output = T>) -> T {
        let Some((token, peer)) = self.0 else {
            return call.await;
        };
        let began = Instant::now();
        let mut clock = interval_at(began + EVERY, EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let tell = async {
            loop {
                clock.tick().await;
                let seconds = began.elapsed().as_secs();
                #[expect(clippy::cast_precision_loss, reason = "a call takes seconds, not ages")]
                let said = ProgressNotificationParam::new(token.clone(), seconds as f64)
                    .with_message(format!("still at it after {seconds} s"));
                if peer.notify_progress(said).await.is_err() {
                    // Nobody listens any more; the call ends by itself.
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            answer = call => answer,
            () = tell => unreachable!("it tells until the call ends"),
        }
    }
}
