//! What the agent of each stage is told to do: at work, when it revises, and when it reviews somebody else's result.

/// The tasks of a stage, one for each kind of turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    pub work: &'static str,
    pub revise: &'static str,
    pub review: &'static str,
}

pub(super) const INTAKE: Tasks = Tasks {
    work: "Read the issue and the repository. Say what is asked for, what is missing to begin, and which stage should \
come next.

Look into the code before you judge: name the parts that are touched, similar work that exists, and other issues that the \
text refers to. Tell a wish from a defect; for a defect say whether you can see its cause. Put questions as a short list, \
each with what you would assume without an answer.",
    revise: "People answered your intake or corrected it. Write it again as a whole: take the answers in, drop the \
questions they settle, and say whether the next stage you named is still the right one.",
    review: "Judge the intake of this issue. Is the wish told in the asker's sense, are the named parts of the code the \
ones that matter, is no question left out that would change the work, and does the proposed stage follow from it?",
};

pub(super) const VISION: Tasks = Tasks {
    work: "Write down why this is worth doing: for whom, which problem, what success looks like and how it is measured.

Put it where the repository keeps such documents. One page is enough: the people and their situation today, the change \
for them, what is deliberately left out, the risks, and two or three measures with the value they have now if you can find \
it. No solution, no plan.",
    revise: "People asked for changes to the vision. Change what they name and whatever else it makes untrue, and keep \
the rest as it is.",
    review: "Judge the vision. Would somebody outside of the team know whose problem it is and why now? Can each measure \
be taken, is what is left out said, and does the text stay clear of solutions?",
};

pub(super) const PRD: Tasks = Tasks {
    work: "Write the requirements: what must be true when it is done, what is out of scope, and how each requirement is \
checked.

Number them, so that later stages can refer to them. Each says one thing that a person or a test can find true or false; \
cover the failure cases, who may do what, limits and what existing users must not lose. Where the issue leaves something \
open, write the assumption down as one.",
    revise: "People asked for changes to the requirements. Change those they name, keep the numbers of the others, and \
mark what is dropped instead of using its number again.",
    review: "Judge the requirements. Can each be found true or false, do they cover failure, rights and limits, do any \
two contradict each other or the vision, and is anything in them a solution in disguise?",
};

pub(super) const ARCH: Tasks = Tasks {
    work: "Describe the architecture: the parts that change, their boundaries and contracts, the alternatives and why \
they were not taken.

Start from the code as it is, with paths. Say who owns which data, what happens when a part is away, how it is secured, \
observed and rolled back, and what it costs to run. A decision that is hard to take back gets a record of its own where \
the repository keeps such records.",
    revise: "People asked for changes to the architecture. Rework what they name, follow it into the contracts of the \
neighbouring parts, and record a decision that was overturned instead of deleting it.",
    review: "Judge the architecture against the requirements and the code. Does every requirement have a place, do the \
named boundaries exist, is each contract complete enough to be built from either side, and is a simpler way missing among \
the alternatives?",
};

pub(super) const DESIGN: Tasks = Tasks {
    work: "Write the detailed design: data, interfaces, failure cases, migration and tests.

It must be possible to build it without asking again. Give the shapes with names and types, the order of steps where order \
matters, what is refused and with which words, how old data and old clients go on, and for each requirement the test that \
shows it. Follow the names and patterns that the code uses.",
    revise: "People asked for changes to the design. Change what they name, check data, interfaces and tests for what \
follows from it, and say what of it reaches back into the architecture.",
    review: "Judge the design as the one who must build it. What would you have to ask or guess? Look for the failure \
case, the race, the migration of old data and the missing test, and compare its names and patterns with the code.",
};

pub(super) const PLAN: Tasks = Tasks {
    work: "Split the work into small steps that can each be reviewed and merged alone, with their order and how each is \
verified.

Each step leaves the repository working. Give it a title that can be an issue, the paths it touches, what it depends on, \
how one sees that it is done, and what could go wrong. Put the riskiest question first and clean-up last.",
    revise: "People asked for changes to the plan. Move, split or drop steps as they say, and check that each step still \
leaves the repository working in the new order.",
    review: "Judge the plan. Can each step be merged alone and be verified, is the order right, does it cover the whole \
design and nothing else, and which step is too large for one review?",
};

pub(super) const DEV: Tasks = Tasks {
    work: "Make the change the issue asks for, with tests, in the repository's own style. Run the tests that fit, and \
commit what you did.

Read before you write: how the repository builds, tests and names things, and whether the code you need exists. Change \
what the issue needs and nothing else. A defect gets a test that fails without your change. If a decision or a document of \
an earlier stage says how it is to be done, follow it, and say where you had to depart.",
    revise: "People asked for changes to your work. Go through every remark: make the change, or say in your last \
message why not. Add commits on top, run the tests again, and change nothing that nobody asked for.",
    review: "Review the change as its maintainer would. Does it do what the issue asks, and only that? Look for wrong \
behaviour first: edge cases, errors that are swallowed, races, input that is trusted, rights that are not checked; then \
for tests that could not fail and for what does not fit the code around. Run the tests.",
};

pub(super) const DOC_AUDIT: Tasks = Tasks {
    work: "Compare the documents with the code. Correct what is wrong, remove what is stale, and list what you could not \
settle.

Check what can be checked: commands, paths, names, settings, defaults, links, examples. Where the code itself looks wrong, \
leave the document and report it. Do not rewrite what is right in other words.",
    revise: "People asked for changes to your audit. Correct what they name, look whether the same mistake stands \
elsewhere, and leave the rest as it is.",
    review: "Judge the audit. Take a sample of the corrected statements and of those left alone, and check each against \
the code. Was anything removed that is still true, and does the text read like the documents around it?",
};

pub(super) const QA: Tasks = Tasks {
    work: "Test what the issue asks for as a user would, run the test suites, and report what works, what does not and \
how to reproduce it.

Derive the cases from the requirements, and add those that nobody wrote down: empty, large, twice, at once, interrupted, \
without the right. For each give the steps, what was expected and what happened. End with a plain verdict: fit to release, \
or what must be mended first.",
    revise: "The work was changed after your report, or people asked for more. Repeat the cases that failed, test what \
the change could have broken, and give the whole report again with a new verdict.",
    review: "Judge the test report. Does it cover every requirement, can each failure be reproduced from what is \
written, is an untested part called tested, and does the verdict follow from the findings?",
};

pub(super) const RELEASE: Tasks = Tasks {
    work: "Check that everything for the release is merged and green, and write the release notes.

Compare the default branch with the last release. Notes are for users: what is new, what changed for them, what they must \
do and in which order, what was mended. Name whatever speaks against releasing now: open defects, failing checks, a \
migration that cannot be taken back.",
    revise: "People asked for changes to the release notes, or something was merged since. Look at the difference again, \
and write the notes and your judgement anew.",
    review: "Judge the release notes against the merged changes. Is something missing that users notice, does every step \
they must take stand there in order, and is it said how to go back?",
};

pub(super) const POSTDEPLOY: Tasks = Tasks {
    work: "Check the deployed system against what the issue promises, and report what you find.

Use what you can reach for reading only: logs, events, metrics, the running version. Say what you looked at and when, \
what is as promised, what is not, and what you could not see. If users are affected now, begin with that and with how to \
go back.",
    revise: "People asked for a closer look, or the system was changed since. Look again where they point, compare with \
your first report, and give the whole result.",
    review: "Judge the report on the deployed system. Does each statement rest on something that was looked at, was \
every promise of the issue checked, and is a gap in what could be seen told as a gap?",
};

pub(super) const OPS: Tasks = Tasks {
    work: "Find the cause of the operational problem the issue describes, and say what to do.

Build a timeline first: what changed, what was seen, when. Keep what you know apart from what you suspect, and say which \
observation would decide. Propose the smallest safe step against the effect now, then the one against the cause, each with \
its risk and how to take it back. You only read; a person acts.",
    revise: "There is news on the problem, or a step was taken. Bring the timeline up to date, drop the suspicions it \
rules out, and say what to do next.",
    review: "Judge the analysis. Does the timeline hold against what was observed, does the cause explain all of the \
effects, and is each proposed step safe, small and reversible?",
};

pub(super) const SELF_IMPROVE: Tasks = Tasks {
    work: "Find out from the history of this issue's runs what slowed the agents down, and improve instructions, prompts \
or images accordingly.

Look for what repeats: a tool that is missing, a command that fails until it is called otherwise, a rule that people keep \
correcting, context that has to be found anew each time. Make few changes, each tied to what you saw, and prefer removing \
a misleading line to adding another. One odd run is no pattern.",
    revise: "People asked for changes to your improvement. Change what they name; where they doubt that a thing repeats, \
show the runs or take the change back.",
    review: "Judge the improvement. Does each change rest on something seen more than once, will it help runs of other \
issues too, is it short, and does it contradict another instruction?",
};
