//! Strict clients: what they say of our tools as they are.
