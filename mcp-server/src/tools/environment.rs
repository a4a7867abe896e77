//! What the cluster holds for a slot, asked live.

use contract::environment::{
    ContainerText, ContainerView, EnvironmentDelete, EnvironmentEvent, EnvironmentEvents, EnvironmentList,
    EnvironmentLogTail, EnvironmentLogs, EnvironmentPage, EnvironmentRef, EnvironmentShown, EnvironmentView,
    PodView,
};
use orchestrator::port_call::{self, Answer, Question};
use orchestrator::project::access::Operation;
use orchestrator::slot::environment::{self, Container, Happening, Occupied, Part, Pod, Shown};
use orchestrator::{Error, Result, agent};
use uuid::Uuid;

use super::{STAFF, count, idempotency_key, page, word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

/// Bytes of each container's log unless asked for otherwise.
const LOG_BYTES: u32 = 16_384;

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<List>()
        .with::<Get>()
        .with::<EventList>()
        .with::<LogTail>()
        .with::<Delete>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "environment_list";
    const TITLE: &'static str = "List environments";
    const ABOUT: &'static str = "Lists the slots of which something may be in the cluster, and whose runs they are or were. Use it \
         to find a slot_id for environment_get; free slots have no environment.";
    const OPERATION: Operation = Operation::EnvironmentRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = EnvironmentList;
    type Answer = EnvironmentPage;

    async fn call(call: &Call<'_>, ask: EnvironmentList) -> Result<EnvironmentPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let only = ask.project_id.map(Into::into);
        let found = environment::list(call.orchestrator, call.actor, only, page).await?;
        Ok(EnvironmentPage {
            environments: found.items.iter().map(show).collect::<Result<_>>()?,
            next_cursor: found.next_cursor,
        })
    }
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "environment_get";
    const TITLE: &'static str = "Show an environment";
    const ABOUT: &'static str = "Shows the pods and containers of a slot as the cluster has them now: what waits, what restarted, what \
         was killed. Use it when a run does not start or died; why a run waits at all is said by run_explain.";
    const OPERATION: Operation = Operation::EnvironmentRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = EnvironmentRef;
    type Answer = EnvironmentShown;

    async fn call(call: &Call<'_>, ask: EnvironmentRef) -> Result<EnvironmentShown> {
        let (occupied, shown) = look(call, ask.slot_id, Self::OPERATION, Part::Pods).await?;
        let Shown::Pods { pods } = shown else {
            return Err(mistaken());
        };
        Ok(EnvironmentShown {
            environment: show(&occupied)?,
            pods: pods.into_iter().map(show_pod).collect::<Result<_>>()?,
        })
    }
}

struct EventList;

impl Tool for EventList {
    const NAME: &'static str = "environment_event_list";
    const TITLE: &'static str = "List events of an environment";
    const ABOUT: &'static str = "Lists what the cluster did for a slot's pods within the last hour, newest first: scheduling, image \
         pulls, kills. Use it after environment_get showed a pod that waits.";
    const OPERATION: Operation = Operation::EnvironmentRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = EnvironmentRef;
    type Answer = EnvironmentEvents;

    async fn call(call: &Call<'_>, ask: EnvironmentRef) -> Result<EnvironmentEvents> {
        let (_, shown) = look(call, ask.slot_id, Self::OPERATION, Part::Events).await?;
        let Shown::Events { events } = shown else {
            return Err(mistaken());
        };
        Ok(EnvironmentEvents {
            events: events.into_iter().map(show_event).collect(),
        })
    }
}

struct LogTail;

impl Tool for LogTail {
    const NAME: &'static str = "environment_log_tail";
    const TITLE: &'static str = "Read an environment's log";
    const ABOUT: &'static str = "Reads the last lines that the containers of a slot printed, as the cluster has them. Use it when the \
         runner itself fails; what the agent said is in run_log_tail, and stays when the pod is gone.";
    const OPERATION: Operation = Operation::EnvironmentLogRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = EnvironmentLogTail;
    type Answer = EnvironmentLogs;

    async fn call(call: &Call<'_>, ask: EnvironmentLogTail) -> Result<EnvironmentLogs> {
        let max_bytes = ask.max_bytes.map_or(LOG_BYTES, |bytes| count(bytes.get()));
        let part = Part::Log { max_bytes };
        let (_, shown) = look(call, ask.slot_id, Self::OPERATION, part).await?;
        let Shown::Log { logs } = shown else {
            return Err(mistaken());
        };
        let logs = logs.into_iter().map(|log| ContainerText {
            container: log.container,
            text: agent::neutralise(&log.text),
        });
        Ok(EnvironmentLogs { logs: logs.collect() })
    }
}

struct Delete;

impl Tool for Delete {
    const NAME: &'static str = "environment_delete";
    const TITLE: &'static str = "Remove an environment";
    const ABOUT: &'static str = "Has what is left in the cluster of a slot removed at once, where its run is over or parked; the \
         platform does so anyhow, at its own pace. While a run works there it is refused: use run_cancel. Asking twice removes \
         nothing more.";
    const OPERATION: Operation = Operation::EnvironmentDelete;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = EnvironmentDelete;
    type Answer = EnvironmentView;

    async fn call(call: &Call<'_>, ask: EnvironmentDelete) -> Result<EnvironmentView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let slot_id = ask.slot_id.into();
        show(&environment::remove(call.orchestrator, call.actor, slot_id, key).await?)
    }
}

/// Looks at a part of an environment, by way of the worker.
async fn look(call: &Call<'_>, slot_id: Uuid, operation: Operation, part: Part) -> Result<(Occupied, Shown)> {
    let slot_id = slot_id.into();
    let occupied = environment::get(call.orchestrator, call.actor, slot_id, operation).await?;
    let question = Question::Environment { slot_id, part };
    match port_call::ask(call.orchestrator, call.actor, &question, call.trace).await? {
        Answer::Environment(shown) => Ok((occupied, shown)),
        _ => Err(mistaken()),
    }
}

fn mistaken() -> Error {
    Error::internal("a question about an environment was answered with something else")
}

fn show(occupied: &Occupied) -> Result<EnvironmentView> {
    let Occupied { slot, lease } = occupied;
    Ok(EnvironmentView {
        slot_id: slot.slot_id.uuid(),
        project_id: slot.project_id.uuid(),
        number: count(slot.number),
        state: word(slot.state.as_str())?,
        run_id: lease.run_id.uuid(),
        turn: count(lease.turn),
        changed_at: slot.changed_at,
    })
}

fn show_pod(pod: Pod) -> Result<PodView> {
    let containers = pod.containers.into_iter().map(show_container);
    Ok(PodView {
        name: pod.name,
        phase: pod.phase,
        reason: pod.reason,
        node: pod.node,
        made_at: pod.made_at,
        containers: containers.collect::<Result<_>>()?,
    })
}

fn show_container(container: Container) -> Result<ContainerView> {
    Ok(ContainerView {
        name: container.name,
        image: container.image,
        standing: word(container.standing.as_str())?,
        reason: container.reason,
        exit_code: container.exit_code,
        restarts: container.restarts,
        since: container.since,
    })
}

/// The text may quote what a program printed.
fn show_event(event: Happening) -> EnvironmentEvent {
    EnvironmentEvent {
        at: event.at,
        warning: event.warning,
        object: event.object,
        reason: event.reason,
        message: agent::neutralise(&event.message),
        count: event.count,
    }
}
