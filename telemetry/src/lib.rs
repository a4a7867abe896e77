//! What every program serves beside its work: logs, metrics, health, and an orderly end.
