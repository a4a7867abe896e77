//! The real Codex CLI with the scripted model: what no simulation of it would tell.
