//! Stories of one pod: the real binary in both modes, real Git, a real Git server, a real MCP server.

mod claude;
mod codex;
mod ends;
mod hostile;
mod kit;
mod liar;
mod model;
mod restart;
mod story;
