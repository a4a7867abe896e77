//! One agent on one task: life, turns, events, log, usage, snapshots.
