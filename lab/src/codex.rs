//! The real Codex CLI, as its npm package brings it.

use std::path::{Path, PathBuf};

/// Where the pinned package keeps the programs of this platform, below `node_modules`.
const VENDORS: [&str; 2] = [
    "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl",
    "@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl",
];

/// The folder of the installed CLI, if `npm ci` was run in `lab/npm/codex`.
pub(crate) fn installed() -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/codex/node_modules");
    VENDORS
        .iter()
        .map(|vendor| modules.join(vendor))
        .find(|folder| folder.join("bin/codex").is_file())
}
