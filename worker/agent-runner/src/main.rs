//! The program in the pod.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    agent_runner::main()
}
