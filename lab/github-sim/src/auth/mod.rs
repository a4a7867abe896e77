//! Who asks, what that costs, and whether they may.

mod admit;
mod caller;
mod charge;
mod jwt;
mod key;
mod mint;

pub(crate) use self::admit::{Admitted, admit, allows};
pub(crate) use self::caller::{Caller, from_basic, identify};
pub(crate) use self::charge::charge;
pub use self::key::AppKey;
pub(crate) use self::mint::{installation_token, login_code, person_token, user_tokens};
