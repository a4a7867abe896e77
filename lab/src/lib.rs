//! Development only: the whole platform on one machine, with simulators for what cannot be had.
