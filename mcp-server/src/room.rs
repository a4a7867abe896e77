//! Room for calls: how many at once, how many of one caller, and how many bytes of their bodies are held.
//!
//! It is taken after the bearer check, so whoever has no token takes none. Supervisors have a pool of their own:
//! whatever staff and agents do, a heartbeat is heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orchestrator::actor::{Actor, RunSide};
use orchestrator::id::{PersonId, RunId, TokenId};

use crate::config::Config;
use crate::tool::Side;

/// Bytes of a request of staff and agents.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;
/// Bytes of a request of a supervisor: a session's snapshot in base64, and what is around it.
pub(crate) const SUPERVISOR_BODY_BYTES: usize = 12 * 1024 * 1024;
/// Bytes of each body that count against no pool: all of an ordinary call.
const FREE_BODY_BYTES: usize = 16 * 1024;
/// Streams of all callers at once.
const STREAMS: usize = 256;
/// Streams of one caller.
const STREAMS_OF_ONE: usize = 4;
/// Bytes of bodies of staff and agents, held at once.
const HELD_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of bodies of supervisors, held at once.
const HELD_SUPERVISOR_BODY_BYTES: usize = 36 * 1024 * 1024;

/// What is taken, of the whole room or by one caller.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    calls: usize,
    /// Of the calls, those that stay open.
    streams: usize,
    bytes: usize,
}

/// What may be taken.
#[derive(Clone, Copy, Debug)]
struct Limit {
    calls: usize,
    bytes: usize,
}

/// Who takes a place: one side of one run, one token, one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Run(RunId, RunSide),
    Token(TokenId),
    Person(PersonId),
    Platform,
}

impl Who {
    pub(crate) fn of(actor: &Actor) -> Self {
        match actor {
            Actor::Run(run) => Self::Run(run.run_id, run.side),
            Actor::Service { token_id, .. } | Actor::Platform { token_id, .. } => Self::Token(*token_id),
            Actor::Person { person_id, .. } => Self::Person(*person_id),
            Actor::System(_) => Self::Platform,
        }
    }
}

#[derive(Debug, Default)]
struct Places {
    supervisors: Taken,
    others: Taken,
    by_caller: HashMap<Who, Taken>,
}

impl Places {
    fn pool(&mut self, is_supervisor: bool) -> &mut Taken {
        if is_supervisor {
            &mut self.supervisors
        } else {
            &mut self.others
        }
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The caller has as much as one may have.
    ForCaller,
    /// All callers together have.
    ForAll,
}

#[derive(Debug)]
pub(crate) struct Room {
    supervisors: Limit,
    others: Limit,
    calls_of_one: usize,
    places: Mutex<Places>,
}

impl Room {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            supervisors: Limit {
                calls: config.max_supervisor_calls,
                bytes: HELD_SUPERVISOR_BODY_BYTES,
            },
            others: Limit {
                calls: config.max_calls,
                bytes: HELD_BODY_BYTES,
            },
            calls_of_one: config.max_calls_per_caller,
            places: Mutex::default(),
        })
    }

    /// Takes a place for one call, until it is dropped.
    pub(crate) fn enter(self: &Arc<Self>, actor: &Actor) -> Result<Place, Full> {
        let who = Who::of(actor);
        let is_supervisor = Side::of(actor) == Some(Side::Supervisor);
        let limit = self.limit(is_supervisor);
        let mut places = self.places();
        if places.pool(is_supervisor).calls >= limit.calls {
            return Err(Full::ForAll);
        }
        let own = places.by_caller.entry(who).or_default();
        if own.calls >= self.calls_of_one {
            return Err(Full::ForCaller);
        }
        own.calls += 1;
        places.pool(is_supervisor).calls += 1;
        Ok(Place {
            room: self.clone(),
            who,
            is_supervisor,
            bytes: 0,
            is_stream: false,
        })
    }

    fn limit(&self, is_supervisor: bool) -> Limit {
        if is_supervisor {
            self.supervisors
        } else {
            self.others
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call's place.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    who: Who,
    is_supervisor: bool,
    /// Of the body, beyond what is free.
    bytes: usize,
    /// The call stays open until its caller goes.
    is_stream: bool,
}

impl Place {
    /// Says that the call is a stream.
    pub(crate) fn stay_open(&mut self) -> Result<(), Full> {
        let mut places = self.room.places();
        if places.others.streams + places.supervisors.streams >= STREAMS {
            return Err(Full::ForAll);
        }
        let own = places.by_caller.entry(self.who).or_default();
        if own.streams >= STREAMS_OF_ONE {
            return Err(Full::ForCaller);
        }
        own.streams += 1;
        places.pool(self.is_supervisor).streams += 1;
        drop(places);
        self.is_stream = true;
        Ok(())
    }

    /// The largest body this caller may send; also all that it may have held at once.
    pub(crate) fn largest_body(&self) -> usize {
        if self.is_supervisor {
            SUPERVISOR_BODY_BYTES
        } else {
            BODY_BYTES
        }
    }

    /// Says how much of the body has arrived.
    pub(crate) fn hold(&mut self, arrived: usize) -> Result<(), Full> {
        let more = arrived.saturating_sub(FREE_BODY_BYTES + self.bytes);
        let mut places = self.room.places();
        let all = places.pool(self.is_supervisor).bytes;
        if all + more > self.room.limit(self.is_supervisor).bytes {
            return Err(Full::ForAll);
        }
        let largest = self.largest_body();
        let own = places.by_caller.entry(self.who).or_default();
        if own.bytes + more > largest {
            return Err(Full::ForCaller);
        }
        own.bytes += more;
        places.pool(self.is_supervisor).bytes += more;
        drop(places);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.room.places();
        let pool = places.pool(self.is_supervisor);
        pool.calls -= 1;
        pool.streams -= usize::from(self.is_stream);
        pool.bytes -= self.bytes;
        if let Some(own) = places.by_caller.get_mut(&self.who) {
            own.calls -= 1;
            own.streams -= usize::from(self.is_stream);
            own.bytes -= self.bytes;
            if own.calls == 0 {
                places.by_caller.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use orchestrator::actor::RunActor;
    use orchestrator::id::ProjectId;

    use super::*;

    fn room(calls: usize, calls_of_one: usize) -> Arc<Room> {
        let mut config = Config::new("http://platform.test/mcp".parse().unwrap());
        config.max_calls = calls;
        config.max_calls_per_caller = calls_of_one;
        Room::new(&config)
    }

    fn run(side: RunSide) -> Actor {
        Actor::Run(RunActor {
            token_id: TokenId::new(),
            side,
            project_id: ProjectId::new(),
            run_id: RunId::new(),
            turn: 1,
            fence: 1,
        })
    }

    #[test]
    fn one_caller_cannot_take_it_all() {
        let room = room(4, 2);
        let (greedy, other) = (run(RunSide::Agent), run(RunSide::Agent));
        let taken: Vec<_> = (0..2).map(|_| room.enter(&greedy).unwrap()).collect();
        assert_eq!(room.enter(&greedy).unwrap_err(), Full::ForCaller);
        let place = room.enter(&other).unwrap();
        drop(taken);
        let again = room.enter(&greedy).unwrap();
        drop((place, again));
        assert!(room.places().by_caller.is_empty(), "nobody is remembered");
    }

    #[test]
    fn streams_are_few() {
        let room = room(1000, 1000);
        let mut open = Vec::new();
        for _ in 0..STREAMS / STREAMS_OF_ONE {
            let one = run(RunSide::Agent);
            for _ in 0..STREAMS_OF_ONE {
                let mut place = room.enter(&one).unwrap();
                place.stay_open().unwrap();
                open.push(place);
            }
            if open.len() < STREAMS {
                let mut more = room.enter(&one).unwrap();
                assert_eq!(more.stay_open(), Err(Full::ForCaller));
            }
        }
        let other = run(RunSide::Agent);
        let mut late = room.enter(&other).unwrap();
        assert_eq!(late.stay_open(), Err(Full::ForAll));
        open.pop();
        late.stay_open().unwrap();
        drop((open, late));
        assert!(room.places().by_caller.is_empty(), "nobody is remembered");
    }

    #[test]
    fn supervisors_are_heard_when_all_else_is_full() {
        let room = room(1, 8);
        let agent = run(RunSide::Agent);
        let mut place = room.enter(&agent).unwrap();
        assert_eq!(room.enter(&run(RunSide::Agent)).unwrap_err(), Full::ForAll);
        place.hold(BODY_BYTES).unwrap();
        let mut heard = room.enter(&run(RunSide::Supervisor)).unwrap();
        heard.hold(SUPERVISOR_BODY_BYTES).unwrap();
    }

    #[test]
    fn bodies_are_held_within_a_budget() {
        let room = room(100, 100);
        let mut places: Vec<_> = (0..HELD_BODY_BYTES / BODY_BYTES)
            .map(|_| room.enter(&run(RunSide::Agent)).unwrap())
            .collect();
        for place in &mut places {
            // The same bytes are not counted twice.
            place.hold(BODY_BYTES / 2).unwrap();
            place.hold(BODY_BYTES + FREE_BODY_BYTES).unwrap();
        }
        let mut late = room.enter(&run(RunSide::Agent)).unwrap();
        late.hold(FREE_BODY_BYTES).unwrap();
        assert_eq!(late.hold(FREE_BODY_BYTES + 1), Err(Full::ForAll));
        drop(places);
        late.hold(BODY_BYTES).unwrap();
        let twice = run(RunSide::Supervisor);
        let (mut first, mut second) = (room.enter(&twice).unwrap(), room.enter(&twice).unwrap());
        first.hold(SUPERVISOR_BODY_BYTES).unwrap();
        assert_eq!(second.hold(SUPERVISOR_BODY_BYTES), Err(Full::ForCaller));
    }
}
