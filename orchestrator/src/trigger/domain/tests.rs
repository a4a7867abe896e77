use std::collections::BTreeSet;

use super::super::rule::seeded;
use super::*;

const TEXT: &str = "t1";

fn labeled(label: &str) -> Event {
    Event {
        name: "issues".into(),
        action: "labeled".into(),
        number: Some(1),
        label: Some(label.into()),
        sender: Some(Sender {
            github_user_id: 7,
            login: "dana".into(),
            is_user: true,
        }),
        updated_at: Some("2026-11-23T10:00:00Z".into()),
        issue_text_sha256: Some(TEXT.into()),
        ..Event::default()
    }
}

fn unlabeled(label: &str) -> Event {
    Event {
        action: "unlabeled".into(),
        ..labeled(label)
    }
}

fn closed() -> Event {
    Event {
        action: "closed".into(),
        label: None,
        ..labeled("")
    }
}

fn issue(labels: &[&str]) -> IssueFacts {
    IssueFacts {
        open: true,
        is_pull_request: false,
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        text_sha256: TEXT.into(),
        author_permission: HostPermission::None,
    }
}

fn facts() -> Facts {
    Facts {
        binding: Binding::Bound { paused: false },
        own_github_user_id: Some(99),
        sender: SenderFacts::Known {
            may_start: true,
            may_start_elevated: false,
        },
        live: None,
        past: Vec::new(),
        models: vec!["gpt-6".into()],
        host: Some(HostFacts {
            issue: Some(issue(&["run:dev"])),
            permission: HostPermission::Write,
        }),
    }
}

fn seen(issue: IssueFacts) -> Facts {
    Facts {
        host: Some(HostFacts {
            issue: Some(issue),
            permission: HostPermission::Write,
        }),
        ..facts()
    }
}

fn live(stage: &str, seen: Facts) -> Facts {
    Facts {
        live: Some(LiveRun {
            stage: stage.into(),
            kind: RunKind::Work,
            gathers: false,
            finishing: false,
        }),
        ..seen
    }
}

fn finishing(seen: Facts) -> Facts {
    Facts {
        live: Some(LiveRun {
            stage: "dev".into(),
            kind: RunKind::Work,
            gathers: false,
            finishing: true,
        }),
        ..seen
    }
}

/// A revise that lives; with `gathers` it did not begin yet.
fn revising(gathers: bool, seen: Facts) -> Facts {
    Facts {
        live: Some(LiveRun {
            stage: "dev".into(),
            kind: RunKind::Revise,
            gathers,
            finishing: false,
        }),
        ..seen
    }
}

fn reviewing(seen: Facts) -> Facts {
    Facts {
        live: Some(LiveRun {
            stage: "dev".into(),
            kind: RunKind::Review,
            gathers: false,
            finishing: false,
        }),
        ..seen
    }
}

fn past(stages: &[&str], facts: Facts) -> Facts {
    Facts {
        past: stages.iter().map(|&stage| stage.to_owned()).collect(),
        ..facts
    }
}

fn review(state: &str) -> Event {
    Event {
        name: "pull_request_review".into(),
        action: "submitted".into(),
        on_pull_request: true,
        review_id: Some(80),
        review_state: Some(state.into()),
        label: None,
        ..labeled("")
    }
}

fn with_head(is_ours: bool, event: Event) -> Event {
    Event {
        head: Some(Head {
            branch: "codex/issue-1".into(),
            is_ours,
        }),
        ..event
    }
}

fn edited_text() -> Event {
    Event {
        action: "edited".into(),
        label: None,
        issue_text_sha256_before: Some("t0".into()),
        ..labeled("")
    }
}

/// An event of the platform itself, which nobody sent.
fn internal(name: &str, action: &str, cause_depth: i32) -> Event {
    Event {
        source: Source::Internal,
        cause_depth,
        name: name.into(),
        action: action.into(),
        ..Event::default()
    }
}

fn sent_by(github_user_id: i64, is_user: bool, event: Event) -> Event {
    Event {
        sender: Some(Sender {
            github_user_id,
            login: "x".into(),
            is_user,
        }),
        ..event
    }
}

#[expect(clippy::too_many_lines, reason = "one table")]
fn cases() -> Vec<(&'static str, Event, Facts)> {
    let dev = || labeled("run:dev");
    let on_pull = |event| Event {
        name: "pull_request".into(),
        on_pull_request: true,
        ..event
    };
    let known = |may_start, may_start_elevated| Facts {
        sender: SenderFacts::Known {
            may_start,
            may_start_elevated,
        },
        ..facts()
    };
    let comment = |action: &str| Event {
        name: "issue_comment".into(),
        action: action.into(),
        comment: Some("/codex retry".into()),
        label: None,
        ..dev()
    };
    let other = |name: &str, action: &str| Event {
        name: name.into(),
        action: action.into(),
        ..dev()
    };
    let closed_now = || IssueFacts {
        open: false,
        ..issue(&[])
    };
    let edited = |author_permission| IssueFacts {
        text_sha256: "t2".into(),
        author_permission,
        ..issue(&[])
    };
    vec![
        ("run:dev by a contributor with write", dev(), facts()),
        (
            "the same, before looking",
            dev(),
            Facts {
                host: None,
                ..facts()
            },
        ),
        ("the label is gone again", dev(), seen(issue(&[]))),
        (
            "model and effort chosen",
            dev(),
            seen(issue(&["[ai-model-gpt-6]", "[ai-reasoning-high]"])),
        ),
        (
            "a model that is not there",
            dev(),
            seen(issue(&["[ai-model-eliza]"])),
        ),
        (
            "an effort that is not there",
            dev(),
            seen(issue(&["[ai-reasoning-extreme]"])),
        ),
        (
            "two models",
            dev(),
            seen(issue(&["[ai-model-gpt-6]", "[ai-model-eliza]"])),
        ),
        (
            "two efforts",
            dev(),
            seen(issue(&["[ai-reasoning-low]", "[ai-reasoning-high]"])),
        ),
        ("two run labels", dev(), seen(issue(&["run:dev", "run:qa"]))),
        (
            "another run label, the own one gone",
            dev(),
            seen(issue(&["run:qa"])),
        ),
        ("a live run: the queue will say so", dev(), live("dev", facts())),
        ("our own echo", sent_by(99, false, dev()), facts()),
        ("a bot", sent_by(8, false, dev()), facts()),
        (
            "no sender",
            Event {
                sender: None,
                ..dev()
            },
            facts(),
        ),
        (
            "a stranger",
            dev(),
            Facts {
                sender: SenderFacts::Unknown,
                host: None,
                ..facts()
            },
        ),
        (
            "a disabled person",
            dev(),
            Facts {
                sender: SenderFacts::Disabled,
                host: None,
                ..facts()
            },
        ),
        ("a viewer", dev(), known(false, false)),
        (
            "an elevated stage by a contributor",
            labeled("run:release"),
            known(true, false),
        ),
        (
            "an elevated stage by a maintainer",
            labeled("run:release"),
            Facts {
                sender: SenderFacts::Known {
                    may_start: true,
                    may_start_elevated: true,
                },
                ..seen(issue(&["run:release"]))
            },
        ),
        (
            "triage only at GitHub",
            dev(),
            Facts {
                host: Some(HostFacts {
                    issue: Some(issue(&[])),
                    permission: HostPermission::Triage,
                }),
                ..facts()
            },
        ),
        (
            "an unknown repository",
            dev(),
            Facts {
                binding: Binding::NotBound,
                ..facts()
            },
        ),
        (
            "an event of an organisation",
            dev(),
            Facts {
                binding: Binding::NoRepository,
                ..facts()
            },
        ),
        (
            "a detached repository",
            dev(),
            Facts {
                binding: Binding::Detached,
                ..facts()
            },
        ),
        (
            "a repository that the App may not enter",
            dev(),
            Facts {
                binding: Binding::Suspended,
                ..facts()
            },
        ),
        (
            "a paused project",
            dev(),
            Facts {
                binding: Binding::Bound { paused: true },
                ..facts()
            },
        ),
        ("a closed issue", dev(), seen(closed_now())),
        (
            "a deleted issue",
            dev(),
            Facts {
                host: Some(HostFacts {
                    issue: None,
                    permission: HostPermission::Write,
                }),
                ..facts()
            },
        ),
        (
            "the text edited, the author has no write",
            dev(),
            seen(edited(HostPermission::Read)),
        ),
        (
            "the text edited, the author has write",
            dev(),
            seen(edited(HostPermission::Write)),
        ),
        (
            "no updated_at",
            Event {
                updated_at: None,
                ..dev()
            },
            facts(),
        ),
        (
            "no number",
            Event {
                number: None,
                ..dev()
            },
            facts(),
        ),
        ("a stage that is not there", labeled("run:devv"), facts()),
        (
            "run:dev:revise",
            labeled("run:dev:revise"),
            past(&["dev"], seen(issue(&["run:dev:revise"]))),
        ),
        (
            "run:dev:revise, before looking",
            labeled("run:dev:revise"),
            Facts {
                host: None,
                ..past(&["dev"], facts())
            },
        ),
        (
            "run:dev:revise by a viewer",
            labeled("run:dev:revise"),
            past(&["dev"], known(false, false)),
        ),
        (
            "run:dev:revise without write at GitHub",
            labeled("run:dev:revise"),
            Facts {
                host: Some(HostFacts {
                    issue: Some(issue(&[])),
                    permission: HostPermission::Read,
                }),
                ..past(&["dev"], facts())
            },
        ),
        (
            "run:dev:revise where only qa worked",
            labeled("run:dev:revise"),
            past(&["qa"], seen(issue(&["run:dev:revise"]))),
        ),
        (
            "run:dev:revise beside run:dev",
            labeled("run:dev:revise"),
            past(&["dev"], seen(issue(&["run:dev"]))),
        ),
        (
            "run:dev:revise on a pull request",
            on_pull(labeled("run:dev:revise")),
            past(&["dev"], seen(issue(&[]))),
        ),
        (
            "run:release:revise by a contributor",
            labeled("run:release:revise"),
            past(&["release"], known(true, false)),
        ),
        ("run:devv:revise", labeled("run:devv:revise"), facts()),
        (
            "run:dev:revise removed while it lives",
            unlabeled("run:dev:revise"),
            revising(false, seen(issue(&[]))),
        ),
        (
            "run:dev removed while its revise lives",
            unlabeled("run:dev"),
            revising(false, seen(issue(&[]))),
        ),
        ("a label of others", labeled("bug"), facts()),
        ("run:dev on a pull request", on_pull(dev()), facts()),
        (
            "an issue event about a pull request",
            dev(),
            seen(IssueFacts {
                is_pull_request: true,
                ..issue(&[])
            }),
        ),
        (
            "need:reviewer on a pull request",
            on_pull(labeled("need:reviewer")),
            facts(),
        ),
        (
            "need:reviewer on a branch of ours",
            with_head(true, on_pull(labeled("need:reviewer"))),
            past(&["plan", "dev"], seen(issue(&["need:reviewer", "run:dev"]))),
        ),
        (
            "need:reviewer on a branch of people",
            with_head(true, on_pull(labeled("need:reviewer"))),
            facts(),
        ),
        (
            "need:reviewer on a fork",
            with_head(false, on_pull(labeled("need:reviewer"))),
            facts(),
        ),
        (
            "need:reviewer by a bot",
            sent_by(8, false, with_head(true, on_pull(labeled("need:reviewer")))),
            facts(),
        ),
        (
            "changes requested",
            review("changes_requested"),
            past(&["dev"], seen(issue(&[]))),
        ),
        (
            "changes requested, before looking",
            review("changes_requested"),
            Facts {
                host: None,
                ..past(&["dev"], facts())
            },
        ),
        (
            "changes requested of people's work",
            review("changes_requested"),
            facts(),
        ),
        (
            "changes requested by a stranger",
            review("changes_requested"),
            Facts {
                sender: SenderFacts::Unknown,
                host: None,
                ..past(&["dev"], facts())
            },
        ),
        (
            "changes requested by a bot",
            sent_by(8, false, review("changes_requested")),
            past(&["dev"], facts()),
        ),
        (
            "changes requested without write at GitHub",
            review("changes_requested"),
            Facts {
                host: Some(HostFacts {
                    issue: Some(issue(&[])),
                    permission: HostPermission::Read,
                }),
                ..past(&["dev"], facts())
            },
        ),
        (
            "changes requested of two stages",
            review("changes_requested"),
            past(&["plan", "dev"], seen(issue(&[]))),
        ),
        (
            "changes requested again, in time",
            review("changes_requested"),
            revising(true, past(&["dev"], seen(issue(&[])))),
        ),
        (
            "changes requested again, too late",
            review("changes_requested"),
            revising(false, past(&["dev"], seen(issue(&[])))),
        ),
        (
            "changes requested of a closed one",
            review("changes_requested"),
            past(&["dev"], seen(closed_now())),
        ),
        (
            "a review without a number of its own",
            Event {
                review_id: None,
                ..review("changes_requested")
            },
            past(&["dev"], facts()),
        ),
        (
            "approved",
            Event {
                review_state: Some("approved".into()),
                ..other("pull_request_review", "submitted")
            },
            facts(),
        ),
        ("a command", comment("created"), facts()),
        ("an edited command", comment("edited"), facts()),
        (
            "a push to the default branch",
            Event {
                pushes_default_branch: true,
                number: None,
                ..other("push", "")
            },
            facts(),
        ),
        (
            "a push elsewhere",
            Event {
                number: None,
                ..other("push", "")
            },
            facts(),
        ),
        ("an issue opened", other("issues", "opened"), facts()),
        ("an action of tomorrow", other("issues", "teleported"), facts()),
        (
            "an event of tomorrow",
            Event {
                number: None,
                ..other("moon", "full")
            },
            facts(),
        ),
        ("the label removed, nothing live", unlabeled("run:dev"), facts()),
        (
            "the label removed, before looking",
            unlabeled("run:dev"),
            live(
                "dev",
                Facts {
                    host: None,
                    ..facts()
                },
            ),
        ),
        (
            "the label removed",
            unlabeled("run:dev"),
            live("dev", seen(issue(&[]))),
        ),
        (
            "the label removed by a stranger",
            unlabeled("run:dev"),
            live(
                "dev",
                Facts {
                    sender: SenderFacts::Unknown,
                    ..seen(issue(&[]))
                },
            ),
        ),
        (
            "the label removed and added again",
            unlabeled("run:dev"),
            live("dev", facts()),
        ),
        (
            "the label removed by a bot",
            sent_by(8, false, unlabeled("run:dev")),
            live("dev", seen(issue(&[]))),
        ),
        (
            "the label removed by us",
            sent_by(99, false, unlabeled("run:dev")),
            live("dev", seen(issue(&[]))),
        ),
        (
            "the label of another stage removed",
            unlabeled("run:qa"),
            live("dev", seen(issue(&[]))),
        ),
        (
            "the label that asked for the review removed",
            on_pull(unlabeled("need:reviewer")),
            reviewing(seen(issue(&[]))),
        ),
        (
            "the label that asked for the review removed, before looking",
            on_pull(unlabeled("need:reviewer")),
            reviewing(Facts {
                host: None,
                ..facts()
            }),
        ),
        (
            "the label that asks for reviews removed beside other work",
            on_pull(unlabeled("need:reviewer")),
            revising(false, seen(issue(&[]))),
        ),
        ("the issue closed", closed(), live("dev", seen(closed_now()))),
        ("the issue closed and reopened", closed(), live("dev", facts())),
        (
            "the issue deleted",
            other("issues", "deleted"),
            live(
                "dev",
                Facts {
                    host: Some(HostFacts {
                        issue: None,
                        permission: HostPermission::None,
                    }),
                    ..facts()
                },
            ),
        ),
        (
            "the pull request closed",
            on_pull(closed()),
            live("dev", seen(closed_now())),
        ),
        ("closed, nothing live", closed(), facts()),
        ("closed while the run finishes", closed(), finishing(facts())),
        (
            "the label removed while the run finishes",
            unlabeled("run:dev"),
            finishing(facts()),
        ),
        (
            "a label removed by a bot, nothing live",
            sent_by(8, false, unlabeled("run:dev")),
            facts(),
        ),
        (
            "the text edited by a contributor",
            edited_text(),
            live("dev", facts()),
        ),
        (
            "the text edited by a stranger",
            edited_text(),
            live(
                "dev",
                Facts {
                    sender: SenderFacts::Unknown,
                    host: None,
                    ..facts()
                },
            ),
        ),
        (
            "the text edited by a contributor without write",
            edited_text(),
            live(
                "dev",
                Facts {
                    host: Some(HostFacts {
                        issue: Some(issue(&[])),
                        permission: HostPermission::Read,
                    }),
                    ..facts()
                },
            ),
        ),
        ("the text edited, nothing live", edited_text(), facts()),
        ("a run ended", internal("run", "ended", 1), facts()),
        ("a deploy ended", internal("deploy", "ended", 1), facts()),
        (
            "an approval was decided",
            internal("approval", "decided", 1),
            facts(),
        ),
        ("a time came", internal("schedule", "due", 0), facts()),
        (
            "the last of a chain",
            internal("run", "ended", MAX_CAUSE_DEPTH),
            facts(),
        ),
        (
            "a chain that goes on",
            internal("run", "ended", MAX_CAUSE_DEPTH + 1),
            facts(),
        ),
        ("an event of GitHub of that name", other("run", "ended"), facts()),
        (
            "an edit of neither title nor body",
            other("issues", "edited"),
            live("dev", facts()),
        ),
    ]
}

#[test]
fn decisions() {
    let rules = seeded();
    let table: Vec<_> = cases()
        .into_iter()
        .map(|(name, event, facts)| format!("{name:<48}{}", line(&decide(&rules, &event, &facts))))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

fn line(decision: &Decision) -> String {
    match decision {
        Decision::Ignore(reason) => format!("ignored({reason})"),
        Decision::Conflict(reason) => format!("conflict({reason})"),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_reason_of_the_decision_is_reached() {
    let rules = seeded();
    let reached: BTreeSet<_> = cases()
        .iter()
        .map(|(_, event, facts)| line(&decide(&rules, event, facts)))
        .collect();
    // Only the queue knows these two: AlreadyUsed, LiveRunExists.
    let elsewhere = [IgnoreReason::AlreadyUsed];
    for reason in IgnoreReason::ALL
        .iter()
        .filter(|reason| !elsewhere.contains(reason))
    {
        assert!(reached.contains(&format!("ignored({reason})")), "{reason}");
    }
    for reason in ConflictReason::ALL
        .iter()
        .filter(|reason| **reason != ConflictReason::LiveRunExists)
    {
        assert!(reached.contains(&format!("conflict({reason})")), "{reason}");
    }
}
