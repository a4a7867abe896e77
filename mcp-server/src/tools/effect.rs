//! The ledger of outward writes.

use contract::effect::{EffectGet, EffectList, EffectPage, EffectView};
use orchestrator::Result;
use orchestrator::effect::{self, Effect as Entry};
use orchestrator::project::access::Operation;

use super::{STAFF, count, page, patience, settled, word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

const LIST_READERS: &[Side] = &[Side::Staff, Side::Agent];

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Get>().with::<List>()
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "effect_get";
    const TITLE: &'static str = "Show an outward write";
    const ABOUT: &'static str = "Shows one write to the code host and how far it is. With wait_ms it waits for the write to be \
         applied or refused.";
    const OPERATION: Operation = Operation::EffectRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = EffectGet;
    type Answer = EffectView;

    async fn call(call: &Call<'_>, ask: EffectGet) -> Result<EffectView> {
        show(settled(call, ask.effect_id.into(), patience(ask.wait_ms)).await?)
    }
}

struct List;

impl Tool for List {
    const NAME: &'static str = "effect_list";
    const TITLE: &'static str = "List outward writes";
    const ABOUT: &'static str = "Lists writes to the code host, newest first: comments, labels, pull requests, \
         and whether they were applied. Use it when a write answered pending, or to see what a run wrote. A run \
         sees its own alone.";
    const OPERATION: Operation = Operation::EffectRead;
    const SIDES: &'static [Side] = LIST_READERS;
    const EFFECT: Effect = Effect::Read;
    type Ask = EffectList;
    type Answer = EffectPage;

    async fn call(call: &Call<'_>, ask: EffectList) -> Result<EffectPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let run_id = ask.run_id.map(Into::into);
        let found = effect::list(call.orchestrator, call.actor, run_id, page).await?;
        let effects = found.items.into_iter().map(show).collect::<Result<_>>()?;
        Ok(EffectPage {
            effects,
            next_cursor: found.next_cursor,
        })
    }
}

fn show(entry: Entry) -> Result<EffectView> {
    Ok(EffectView {
        effect_id: entry.effect_id.uuid(),
        project_id: entry.project_id.uuid(),
        repository_id: entry.repository_id.uuid(),
        number: entry.number.map(count),
        run_id: entry.run_id.map(Into::into),
        turn: entry.turn.map(count),
        kind: word(entry.write.kind().as_str())?,
        state: word(entry.state.as_str())?,
        reason: entry.reason,
        url: entry.result.and_then(|result| result.url),
        attempts: count(entry.attempts),
        not_before: entry.not_before,
        applied_at: entry.applied_at,
        actor: entry.actor,
        created_at: entry.created_at,
        updated_at: entry.updated_at,
    })
}
