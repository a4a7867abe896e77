//! Where runs may run.

use contract::slot::{SlotGet, SlotList, SlotPage, SlotView};
use orchestrator::Result;
use orchestrator::project::access::Operation;
use orchestrator::slot::{self, Slot, SlotState};

use super::{STAFF, count, page, word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Get>().with::<List>()
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "slot_get";
    const TITLE: &'static str = "Show a slot";
    const ABOUT: &'static str = "Shows one slot: whose it is, which run holds it, and why it is not free. Use \
         it when a run waits for a slot and run_explain names one.";
    const OPERATION: Operation = Operation::SlotRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = SlotGet;
    type Answer = SlotView;

    async fn call(call: &Call<'_>, ask: SlotGet) -> Result<SlotView> {
        show(slot::get(call.orchestrator, call.actor, ask.slot_id.into()).await?)
    }
}

struct List;

impl Tool for List {
    const NAME: &'static str = "slot_list";
    const TITLE: &'static str = "List slots";
    const ABOUT: &'static str = "Lists the slots of the projects the caller may see and their states. Use it to \
         see how much may run at once; why one run waits is said by run_explain.";
    const OPERATION: Operation = Operation::SlotRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = SlotList;
    type Answer = SlotPage;

    async fn call(call: &Call<'_>, ask: SlotList) -> Result<SlotPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let found = slot::list(call.orchestrator, call.actor, page).await?;
        let slots = found.items.into_iter().map(show).collect::<Result<_>>()?;
        Ok(SlotPage {
            slots,
            next_cursor: found.next_cursor,
        })
    }
}

fn show(slot: Slot) -> Result<SlotView> {
    let lease = slot.state.lease();
    let state = word(slot.state.as_str())?;
    let (held_until, draining_since, reason) = match slot.state {
        SlotState::Free | SlotState::Leased(_) => (None, None, None),
        SlotState::Held { until, .. } => (Some(until), None, None),
        SlotState::Draining { since, .. } => (None, Some(since), None),
        SlotState::Quarantined { since, reason, .. } => (None, Some(since), Some(reason)),
    };
    Ok(SlotView {
        slot_id: slot.slot_id.uuid(),
        project_id: slot.project_id.uuid(),
        number: count(slot.number),
        state,
        run_id: lease.map(|lease| lease.run_id.uuid()),
        turn: lease.map(|lease| count(lease.turn)),
        held_until,
        draining_since,
        reason,
        changed_at: slot.changed_at,
    })
}
