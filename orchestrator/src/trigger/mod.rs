//! The rules that turn an event into a run, or say why not. A pure decision: touches no network.
