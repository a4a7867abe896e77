//! The domain: decides and remembers.
