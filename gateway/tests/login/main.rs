//! People sign in at the gateway, over real HTTP, at the simulated GitHub, and reach the real tools.

mod break_glass;
mod browser;
mod forged;
mod proxy;
mod sessions;
mod sign_in;
mod upstream;
mod world;
