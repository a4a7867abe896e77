//! What a stream can be about, by its address: `run://<id>`, `project://<id>/runs`, `…/slots`, `…/deliveries`, `inbox://own`.

use std::fmt;

use orchestrator::project::access::Operation;
use uuid::Uuid;

use crate::resource::run_of;

const PROJECT: &str = "project://";
const INBOX: &str = "inbox://own";

/// Something that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Address {
    Run(Uuid),
    /// A list of a project's things.
    List(Uuid, List),
    /// What waits for the caller.
    Inbox,
}

/// The lists of a project that can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    Runs,
    Slots,
    Deliveries,
}

impl List {
    const ALL: [Self; 3] = [Self::Runs, Self::Slots, Self::Deliveries];

    fn word(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Slots => "slots",
            Self::Deliveries => "deliveries",
        }
    }

    /// The right to read it.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::Runs => Operation::RunRead,
            Self::Slots => Operation::SlotRead,
            Self::Deliveries => Operation::DeliveryRead,
        }
    }
}

impl Address {
    /// One spelling per thing: the id as we write it.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        if uri == INBOX {
            return Some(Self::Inbox);
        }
        if let Some(run_id) = run_of(uri) {
            return Some(Self::Run(run_id));
        }
        let (word, list) = uri.strip_prefix(PROJECT)?.split_once('/')?;
        let list = List::ALL.into_iter().find(|known| known.word() == list)?;
        let id = Uuid::try_parse(word).ok()?;
        (id.to_string() == word).then_some(Self::List(id, list))
    }

    /// The tool that reads it: whoever is not shown it hears nothing.
    pub(crate) fn tool(&self) -> &'static str {
        match self {
            Self::Run(_) => "run_get",
            Self::List(_, List::Runs) => "run_list",
            Self::List(_, List::Slots) => "slot_list",
            Self::List(_, List::Deliveries) => "delivery_list",
            Self::Inbox => "inbox_list",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(id) => write!(f, "run://{id}"),
            Self::List(id, list) => write!(f, "{PROJECT}{id}/{}", list.word()),
            Self::Inbox => f.write_str(INBOX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let id = Uuid::now_v7();
        let lists = List::ALL.map(|list| Address::List(id, list));
        for address in lists.into_iter().chain([Address::Run(id), Address::Inbox]) {
            assert_eq!(Address::parse(&address.to_string()), Some(address));
        }
        let upper = id.to_string().to_uppercase();
        for other in [
            format!("project://{id}"),
            format!("project://{id}/"),
            format!("project://{id}/secrets"),
            format!("project://{id}/runs/"),
            format!("project://{upper}/runs"),
            "inbox://".to_owned(),
            "inbox://others".to_owned(),
            format!("inbox://{id}"),
        ] {
            assert_eq!(Address::parse(&other), None, "{other}");
        }
    }
}
