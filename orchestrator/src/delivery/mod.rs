//! The webhook inbox: what came, as it came, and what was made of it.
