//! Where runs may run.

use contract::slot::{
    SlotExplanation, SlotExtend, SlotGet, SlotLimit, SlotLimitSet, SlotList, SlotPage, SlotRelease, SlotView,
};
use orchestrator::Result;
use orchestrator::project::access::Operation;
use orchestrator::slot::{self, Slot, SlotState};

use super::{STAFF, count, idempotency_key, page, word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<Get>()
        .with::<List>()
        .with::<Explain>()
        .with::<Release>()
        .with::<Extend>()
        .with::<LimitSet>()
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
    const ABOUT: &'static str = "Lists the slots of one project, or of all that the caller may see, and their states. Use it to \
         see how much may run at once; why one run waits is said by run_explain.";
    const OPERATION: Operation = Operation::SlotRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = SlotList;
    type Answer = SlotPage;

    async fn call(call: &Call<'_>, ask: SlotList) -> Result<SlotPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let only = ask.project_id.map(Into::into);
        let found = slot::list(call.orchestrator, call.actor, only, page).await?;
        let slots = found.items.into_iter().map(show).collect::<Result<_>>()?;
        Ok(SlotPage {
            slots,
            next_cursor: found.next_cursor,
        })
    }
}

struct Explain;

impl Tool for Explain {
    const NAME: &'static str = "slot_explain";
    const TITLE: &'static str = "Explain a slot";
    const ABOUT: &'static str = "Says in words why a slot is where it is, and what a person can do about it. Use it when a slot stays taken \
         or quarantined; why one run waits is said by run_explain.";
    const OPERATION: Operation = Operation::SlotRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = SlotGet;
    type Answer = SlotExplanation;

    async fn call(call: &Call<'_>, ask: SlotGet) -> Result<SlotExplanation> {
        let told = slot::explain(call.orchestrator, call.actor, ask.slot_id.into()).await?;
        Ok(SlotExplanation {
            slot: show(told.slot)?,
            summary: told.summary,
            next: told.next,
        })
    }
}

struct Release;

impl Tool for Release {
    const NAME: &'static str = "slot_release";
    const TITLE: &'static str = "Give a held slot back";
    const ABOUT: &'static str = "Gives a slot that is held for a waiting run to others; the run goes on later in any free one. Not for a slot \
         with a live run (run_cancel) nor a quarantined one (slot_explain). Asking twice changes nothing. For operators.";
    const OPERATION: Operation = Operation::SlotRelease;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = SlotRelease;
    type Answer = SlotView;

    async fn call(call: &Call<'_>, ask: SlotRelease) -> Result<SlotView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        show(slot::release(call.orchestrator, call.actor, ask.slot_id.into(), key).await?)
    }
}

struct Extend;

impl Tool for Extend {
    const NAME: &'static str = "slot_extend";
    const TITLE: &'static str = "Hold a slot longer";
    const ABOUT: &'static str = "Keeps a held slot for its waiting run so many minutes from now, at most a day. A hold that lasts longer \
         already stays as it is. For operators.";
    const OPERATION: Operation = Operation::SlotExtend;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = SlotExtend;
    type Answer = SlotView;

    async fn call(call: &Call<'_>, ask: SlotExtend) -> Result<SlotView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let minutes = count(ask.minutes.get());
        show(slot::extend(call.orchestrator, call.actor, ask.slot_id.into(), minutes, key).await?)
    }
}

struct LimitSet;

impl Tool for LimitSet {
    const NAME: &'static str = "slot_limit_set";
    const TITLE: &'static str = "Set how many slots a project has";
    const ABOUT: &'static str = "Sets how many slots a project may use at once: so many of its runs can have a pod, as far as max_live_runs of the \
         project lets them. With fewer than are taken nothing is ended, and no run gets one until fewer are taken; \
         slot_explain says so. 0 lets none of its runs begin. For operators.";
    const OPERATION: Operation = Operation::SlotLimitSet;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = SlotLimitSet;
    type Answer = SlotLimit;

    async fn call(call: &Call<'_>, ask: SlotLimitSet) -> Result<SlotLimit> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let (project_id, slots) = (ask.project_id.into(), count(ask.slots.get()));
        let slots = slot::set_limit(call.orchestrator, call.actor, project_id, slots, key).await?;
        Ok(SlotLimit {
            project_id: ask.project_id,
            slots: count(slots),
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
