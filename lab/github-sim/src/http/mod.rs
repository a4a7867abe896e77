//! What every request goes through before and after its operation.

mod call;
mod conditional;
mod key;
mod listener;
mod page;
mod pipeline;
mod problem;
mod reply;
mod route;
mod serve;

pub(crate) use self::call::Call;
pub(crate) use self::key::{cookie, cookie_for, may_drive};
pub(crate) use self::listener::{Breakable, Connection};
pub(crate) use self::page::query_pairs;
pub(crate) use self::problem::{Answer, Problem};
pub(crate) use self::reply::Reply;
pub(crate) use self::route::{Need, Route, always, find, later, now};
pub(crate) use self::serve::{html, json, router, same_origin, see_other, see_other_with, text};
