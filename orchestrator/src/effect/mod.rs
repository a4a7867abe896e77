//! The ledger of outward writes: staged, checked, applied once.
