//! A projection of issues and pull requests, fed by deliveries and reads. Never the truth.
