//! What runs wait for: people's answers.

use contract::wait::{WaitGet, WaitView};
use orchestrator::Result;
use orchestrator::approval::{self, Wait};
use orchestrator::postgres::listen::Topic;
use orchestrator::project::access::Operation;

use super::{STAFF, count, patience, word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Get>()
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "wait_get";
    const TITLE: &'static str = "Show a wait";
    const ABOUT: &'static str = "Shows a question or request of a run to people, and its answer. With wait_ms it waits for the \
         answer.";
    const OPERATION: Operation = Operation::WaitRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = WaitGet;
    type Answer = WaitView;

    async fn call(call: &Call<'_>, ask: WaitGet) -> Result<WaitView> {
        let mut poll = call.poll(Topic::Wait, ask.wait_id, patience(ask.wait_ms));
        loop {
            let found = approval::get(call.orchestrator, call.actor, ask.wait_id.into()).await?;
            if found.is_open() && poll.again().await {
                continue;
            }
            return show(found);
        }
    }
}

fn show(wait: Wait) -> Result<WaitView> {
    Ok(WaitView {
        wait_id: wait.wait_id.uuid(),
        run_id: wait.run_id.uuid(),
        turn: count(wait.turn),
        kind: word(wait.kind.as_str())?,
        question: wait.question,
        state: word(wait.state.as_str())?,
        answer: wait.answer,
        answered_by: wait.answered_by.map(Into::into),
        answered_at: wait.answered_at,
        expires_at: wait.expires_at,
        created_at: wait.created_at,
    })
}
