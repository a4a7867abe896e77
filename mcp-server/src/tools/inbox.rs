//! What waits for the caller.

use contract::inbox::{InboxItem, InboxList, InboxView};
use orchestrator::inbox::{self, Item};
use orchestrator::project::access::Operation;
use orchestrator::{Result, agent};

use super::{STAFF, count, word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<List>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "inbox_list";
    const TITLE: &'static str = "Show what waits for you";
    const ABOUT: &'static str = "Lists what waits for you, the most urgent first: runs you started that failed, labels you set that started nothing, \
         and, with the right to mend them, refused model keys and repositories that GitHub closed. Each says what to do \
         next, and goes when its cause does. A program has none.";
    const OPERATION: Operation = Operation::InboxRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = InboxList;
    type Answer = InboxView;

    async fn call(call: &Call<'_>, ask: InboxList) -> Result<InboxView> {
        let found = inbox::list(call.orchestrator, call.actor, ask.since).await?;
        let items = found.items.into_iter().map(|item| show(item, call.lockdown));
        Ok(InboxView {
            items: items.collect::<Result<_>>()?,
            more: found.more,
            as_of: found.as_of,
        })
    }
}

fn show(item: Item, lockdown: bool) -> Result<InboxItem> {
    let title = item.place.title.as_deref().filter(|_| !lockdown);
    Ok(InboxItem {
        kind: word(item.kind.as_str())?,
        urgency: word(item.urgency().as_str())?,
        next: item.next().to_owned(),
        project_id: item.project_id.uuid(),
        title: title.map(agent::neutralise),
        project: item.project,
        repository_id: item.place.repository_id.map(Into::into),
        repository: item.place.repository,
        number: item.place.number.map(count),
        run_id: item.place.run_id.map(Into::into),
        delivery_id: item.place.delivery_id.map(Into::into),
        reason: item.reason,
        sub_reason: item.sub_reason,
        at: item.at,
    })
}
