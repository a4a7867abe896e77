//! Projects, members and the access matrix. Knows no GitHub.

pub mod access;
