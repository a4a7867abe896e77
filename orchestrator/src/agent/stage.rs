//! The stages, from an idea to what was learnt of it, and what a new installation does in each.

use super::profile::Output;

/// A stage of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// As in the label `run:<name>`.
    pub name: &'static str,
    pub output: Output,
    /// It deploys or operates, so starting it takes the right to do so.
    pub elevated: bool,
    /// Globs of paths a run may change; empty means every path.
    pub write_include: &'static [&'static str],
    /// What the agent is asked to do.
    pub task: &'static str,
}

const DOCUMENTS: &[&str] = &["**/*.md"];
const LEARNINGS: &[&str] = &["**/*.md", "**/*.j2", "**/Dockerfile*"];
const EVERYTHING: &[&str] = &[];

const fn stage_of(
    name: &'static str,
    output: Output,
    writes: &'static [&'static str],
    task: &'static str,
) -> Stage {
    Stage {
        name,
        output,
        elevated: false,
        write_include: writes,
        task,
    }
}

const fn elevated(name: &'static str, task: &'static str) -> Stage {
    Stage {
        name,
        output: Output::Comment,
        elevated: true,
        write_include: EVERYTHING,
        task,
    }
}

/// All stages, in the order of the work.
pub const STAGES: [Stage; 13] = [
    stage_of(
        "intake",
        Output::Comment,
        EVERYTHING,
        "Read the issue and the repository. Say what is asked for, what is missing to begin, and which stage should \
         come next. Change no file.",
    ),
    stage_of(
        "vision",
        Output::PullRequest,
        DOCUMENTS,
        "Write down why this is worth doing: for whom, which problem, what success looks like and how it is measured. \
         Change documents only.",
    ),
    stage_of(
        "prd",
        Output::PullRequest,
        DOCUMENTS,
        "Write the requirements: what must be true when it is done, what is out of scope, and how each requirement is \
         checked. Change documents only.",
    ),
    stage_of(
        "arch",
        Output::PullRequest,
        DOCUMENTS,
        "Describe the architecture: the parts that change, their boundaries and contracts, the alternatives and why \
         they were not taken. Change documents only.",
    ),
    stage_of(
        "design",
        Output::PullRequest,
        DOCUMENTS,
        "Write the detailed design: data, interfaces, failure cases, migration and tests. Change documents only.",
    ),
    stage_of(
        "plan",
        Output::PullRequest,
        DOCUMENTS,
        "Split the work into small steps that can each be reviewed and merged alone, with their order and how each is \
         verified. Change documents only.",
    ),
    stage_of(
        "dev",
        Output::PullRequest,
        EVERYTHING,
        "Make the change the issue asks for, with tests, in the repository's own style. Run the tests that fit, and \
         commit what you did.",
    ),
    stage_of(
        "doc-audit",
        Output::PullRequest,
        DOCUMENTS,
        "Compare the documents with the code. Correct what is wrong, remove what is stale, and list what you could not \
         settle. Change documents only.",
    ),
    stage_of(
        "qa",
        Output::Comment,
        EVERYTHING,
        "Test what the issue asks for as a user would, run the test suites, and report what works, what does not and \
         how to reproduce it. Change no file.",
    ),
    elevated(
        "release",
        "Check that everything for the release is merged and green, and write the release notes. Change no file.",
    ),
    elevated(
        "postdeploy",
        "Check the deployed system against what the issue promises, and report what you find. Change no file.",
    ),
    elevated(
        "ops",
        "Find the cause of the operational problem the issue describes, and say what to do. Change no file.",
    ),
    stage_of(
        "self-improve",
        Output::PullRequest,
        LEARNINGS,
        "Find out from the history of this issue's runs what slowed the agents down, and improve instructions, prompts \
         or images accordingly.",
    ),
];

/// The stage of this name.
pub fn stage(name: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|stage| stage.name == name)
}
