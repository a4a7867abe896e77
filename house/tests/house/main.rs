//! The rules of this repository that the compiler does not keep.

mod docs;
mod licenses;
mod limits;
mod migrations;
mod repository;
mod services;
mod sizes;
mod walls;
mod with_postgres;
