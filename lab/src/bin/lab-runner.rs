//! The program in the pod, as the lab's containers start it.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    agent_runner::main()
}
