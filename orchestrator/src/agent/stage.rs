//! The stages, from an idea to what was learnt of it, and what a new installation does in each.

use super::profile::{EVERY_PATH, Kind, Output, Profile};
use super::tasks::{self, Tasks};

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
    pub write_exclude: &'static [&'static str],
    /// What the agent is asked to do.
    pub tasks: Tasks,
}

const DOCUMENTS: &[&str] = &["*.md", "/docs/**"];
const LEARNINGS: &[&str] = &["*.md", "*.j2", "Dockerfile*"];
const EVERYTHING: &[&str] = &[];
const NOTHING: &[&str] = &[EVERY_PATH];

/// A stage whose result is a pull request that changes these paths.
const fn changes(name: &'static str, writes: &'static [&'static str], tasks: Tasks) -> Stage {
    Stage {
        name,
        output: Output::PullRequest,
        elevated: false,
        write_include: writes,
        write_exclude: &[],
        tasks,
    }
}

/// A stage whose result is a comment: it changes no file.
const fn reports(name: &'static str, elevated: bool, tasks: Tasks) -> Stage {
    Stage {
        name,
        output: Output::Comment,
        elevated,
        write_include: EVERYTHING,
        write_exclude: NOTHING,
        tasks,
    }
}

/// All stages, in the order of the work.
pub const STAGES: [Stage; 13] = [
    reports("intake", false, tasks::INTAKE),
    changes("vision", DOCUMENTS, tasks::VISION),
    changes("prd", DOCUMENTS, tasks::PRD),
    changes("arch", DOCUMENTS, tasks::ARCH),
    changes("design", DOCUMENTS, tasks::DESIGN),
    changes("plan", DOCUMENTS, tasks::PLAN),
    changes("dev", EVERYTHING, tasks::DEV),
    changes("doc-audit", DOCUMENTS, tasks::DOC_AUDIT),
    reports("qa", false, tasks::QA),
    reports("release", true, tasks::RELEASE),
    reports("postdeploy", true, tasks::POSTDEPLOY),
    reports("ops", true, tasks::OPS),
    changes("self-improve", LEARNINGS, tasks::SELF_IMPROVE),
];

/// The stage of this name.
pub fn stage(name: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|stage| stage.name == name)
}

impl Stage {
    /// What the agent is asked to do in a turn of this kind.
    pub fn task(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Work => self.tasks.work,
            Kind::Revise => self.tasks.revise,
            Kind::Review => self.tasks.review,
        }
    }

    /// The profile that a new installation has for it: Codex, and what the stage may change.
    pub fn profile(&self) -> Profile {
        let owned = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect();
        Profile {
            write_include: owned(self.write_include),
            write_exclude: owned(self.write_exclude),
            ..Profile::codex(self.name, self.output)
        }
    }
}
