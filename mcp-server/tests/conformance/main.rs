//! What others say a server of the protocol must do: the official conformance suite, the Inspector, the Python client.
//!
//! The suite needs fixtures that no deployed server has; they are played behind the deployed middleware. It sends no
//! token, so who calls is fixed. The two scenarios of the authorization server are in the gateway's tests.

mod clients;
mod suite;
mod world;
