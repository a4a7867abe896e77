//! Whether a repository is ready for runs: a survey of the code host, judged. Pure.

use serde::{Deserialize, Serialize};

use super::label;
use super::workflow;
use crate::actor::words;
use crate::ports::code_host::CodeHostError;
use crate::ports::survey::{HostBranch, HostFile, HostInstallation, HostSurvey, HostWebhook, Seen};
use crate::stack::Stack;

/// What the App needs (design: access). Members are read for rules about teams; only organizations have them.
const NEEDED: [(&str, &str); 6] = [
    ("metadata", "read"),
    ("contents", "write"),
    ("issues", "write"),
    ("pull_requests", "write"),
    ("checks", "write"),
    ("members", "read"),
];
/// What an App must not have whose tokens agents work with.
const NEVER: [&str; 3] = ["administration", "secrets", "workflows"];
/// What rules listen to. Events about installations come to every App unasked.
const EVENTS: [&str; 7] = [
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "repository",
];

/// What is looked at, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Installation,
    Permissions,
    Webhook,
    Events,
    Labels,
    DefaultBranch,
    Workflows,
    Services,
}

words!(Subject: Installation = "installation", Permissions = "permissions", Webhook = "webhook", Events = "events",
    Labels = "labels", DefaultBranch = "default_branch", Workflows = "workflows", Services = "services");

/// How it stands with a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    Good,
    /// Runs work; a person should know.
    Warning,
    /// It could not be looked at.
    Unknown,
    /// Runs do not work before it is mended.
    Broken,
}

words!(Standing: Good = "good", Warning = "warning", Unknown = "unknown", Broken = "broken");

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// A word of [`Subject`].
    pub subject: String,
    /// A word of [`Standing`].
    pub standing: String,
    pub finding: String,
    /// What to do about it, if anything.
    pub fix: Option<String>,
}

impl Check {
    fn new(subject: Subject, standing: Standing, finding: impl Into<String>, fix: Option<String>) -> Self {
        Self {
            subject: subject.as_str().to_owned(),
            standing: standing.as_str().to_owned(),
            finding: finding.into(),
            fix,
        }
    }

    fn good(subject: Subject, finding: impl Into<String>) -> Self {
        Self::new(subject, Standing::Good, finding, None)
    }

    fn broken(subject: Subject, finding: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(subject, Standing::Broken, finding, Some(fix.into()))
    }

    fn warning(subject: Subject, finding: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(subject, Standing::Warning, finding, Some(fix.into()))
    }

    fn unknown(subject: Subject, why: &CodeHostError) -> Self {
        let fix = "ask for the report again; if it stays, look at the App's permissions".to_owned();
        Self::new(subject, Standing::Unknown, why.to_string(), Some(fix))
    }
}

/// Judges a survey: one line per subject, in their order.
pub fn judge(survey: &HostSurvey) -> Vec<Check> {
    let of_installation = |subject, judged: fn(&HostInstallation) -> Check| match &survey.installation {
        Ok(installation) => judged(installation),
        Err(why) => Check::unknown(subject, why),
    };
    vec![
        installed(&survey.installation),
        of_installation(Subject::Permissions, permissions),
        part(Subject::Webhook, &survey.webhook, webhook),
        of_installation(Subject::Events, events),
        part(Subject::Labels, &survey.labels, |labels| labelled(labels)),
        default_branch(&survey.default_branch),
        part(Subject::Workflows, &survey.workflows, |files| workflows(files)),
        part(Subject::Services, &survey.services, |file| {
            services(file.as_ref())
        }),
    ]
}

fn part<T>(subject: Subject, seen: &Seen<T>, judged: impl Fn(&T) -> Check) -> Check {
    match seen {
        Ok(seen) => judged(seen),
        Err(why) => Check::unknown(subject, why),
    }
}

fn installed(seen: &Seen<HostInstallation>) -> Check {
    let subject = Subject::Installation;
    match seen {
        Ok(installation) if installation.suspended => Check::broken(
            subject,
            "the App is installed, but suspended",
            "an owner of the account unsuspends it in GitHub's settings, under installed Apps",
        ),
        Ok(_) => Check::good(subject, "the App is installed"),
        Err(CodeHostError::NotFound(_)) => Check::broken(
            subject,
            "the App is not installed on this repository",
            "an owner of the account installs the App and selects the repository",
        ),
        Err(why) => Check::unknown(subject, why),
    }
}

fn permissions(installation: &HostInstallation) -> Check {
    let subject = Subject::Permissions;
    let granted = |name: &str| installation.permissions.get(name).map(String::as_str);
    let lacks = |(name, level): &(&str, &str)| !covers(granted(name), level);
    let missing = NEEDED.iter().filter(|needed| lacks(needed));
    let missing: Vec<_> = missing.map(|(name, level)| format!("{name}: {level}")).collect();
    let too_many: Vec<_> = NEVER.into_iter().filter(|name| granted(name).is_some()).collect();
    let only_members = missing == ["members: read"];
    if !missing.is_empty() && !only_members {
        let fix = "grant them in the App's settings, then accept them at the installation";
        return Check::broken(subject, format!("missing: {}", missing.join(", ")), fix);
    }
    if !too_many.is_empty() {
        let fix = "take them from the App: an agent's token must never reach that far";
        return Check::warning(subject, format!("not wanted: {}", too_many.join(", ")), fix);
    }
    if only_members {
        let fix = "grant it if rules about teams are used; an account that is no organization has no members";
        return Check::warning(subject, "missing: members: read", fix);
    }
    Check::good(subject, "all that are needed, and none that is not wanted")
}

fn covers(granted: Option<&str>, needed: &str) -> bool {
    matches!(
        (granted, needed),
        (Some("read" | "write" | "admin"), "read") | (Some("write" | "admin"), "write")
    )
}

fn webhook(hook: &HostWebhook) -> Check {
    let subject = Subject::Webhook;
    let settings =
        "set it in the App's settings: the gateway's address with /webhooks/github, and the secret";
    if hook.url.is_empty() {
        return Check::broken(subject, "the App has no webhook", settings);
    }
    if hook.content_type != "json" {
        let finding = format!("the webhook sends {:?} and not json", hook.content_type);
        return Check::broken(subject, finding, "choose application/json in the App's settings");
    }
    if hook.insecure_tls {
        let fix = "switch on SSL verification in the App's settings";
        return Check::warning(
            subject,
            "the webhook does not verify the gateway's certificate",
            fix,
        );
    }
    Check::good(subject, format!("events go to {}", hook.url))
}

fn events(installation: &HostInstallation) -> Check {
    let subject = Subject::Events;
    let deaf = |event: &&str| !installation.events.iter().any(|heard| heard == event);
    let missing: Vec<_> = EVENTS.into_iter().filter(deaf).collect();
    if missing.is_empty() {
        return Check::good(subject, "the App hears of all that rules listen to");
    }
    let fix = "subscribe the App to them in its settings";
    Check::broken(subject, format!("not heard of: {}", missing.join(", ")), fix)
}

fn labelled(there: &[String]) -> Check {
    let missing = label::missing(there);
    if missing.is_empty() {
        return Check::good(Subject::Labels, "all labels that start something are there");
    }
    let names: Vec<_> = missing.iter().map(|label| label.name.as_str()).collect();
    Check::warning(
        Subject::Labels,
        format!("not there: {}", names.join(", ")),
        "repository_update with create_labels makes them",
    )
}

fn default_branch(seen: &Seen<HostBranch>) -> Check {
    let subject = Subject::DefaultBranch;
    match seen {
        Ok(branch) if branch.protected => Check::good(subject, format!("{} is protected", branch.name)),
        Ok(branch) => Check::warning(
            subject,
            format!("{} is not protected", branch.name),
            "protect it: an agent's work should reach it by a reviewed pull request alone",
        ),
        Err(CodeHostError::NotFound(_)) => Check::broken(
            subject,
            "the repository has no commit on its default branch",
            "push a first commit: an agent works on top of one",
        ),
        Err(why) => Check::unknown(subject, why),
    }
}

fn workflows(files: &[HostFile]) -> Check {
    let subject = Subject::Workflows;
    let (mut exposed, mut unreadable) = (Vec::new(), Vec::new());
    for file in files {
        match workflow::exposure(&file.text) {
            Ok(None) => {}
            Ok(Some(exposure)) => exposed.push(format!("{} ({exposure})", file.path)),
            Err(_) => unreadable.push(file.path.as_str()),
        }
    }
    if !exposed.is_empty() {
        return Check::warning(
            subject,
            format!("run on an agent's push and see secrets: {}", exposed.join(", ")),
            "what an agent pushes runs there: keep the secrets in environments with required reviewers, or leave \
             codex/** out of the branches",
        );
    }
    if !unreadable.is_empty() {
        let fix = "mend their YAML, or look at them yourself";
        return Check::warning(subject, format!("cannot be read: {}", unreadable.join(", ")), fix);
    }
    let of = files.len();
    Check::good(
        subject,
        format!("none of {of} runs with secrets on an agent's push"),
    )
}

fn services(file: Option<&HostFile>) -> Check {
    let subject = Subject::Services;
    let Some(file) = file else {
        return Check::good(subject, "no services.yaml: runs work without a deployed stack");
    };
    match Stack::parse(&file.text) {
        Ok(_) => Check::good(subject, "services.yaml is valid"),
        Err(faults) => Check::warning(
            subject,
            faults.to_string().lines().next().unwrap_or_default(),
            "mend services.yaml on the default branch",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn ready() -> HostSurvey {
        let needed = NEEDED.map(|(name, level)| (name.to_owned(), level.to_owned()));
        HostSurvey {
            installation: Ok(HostInstallation {
                permissions: needed.into(),
                events: EVENTS.map(str::to_owned).to_vec(),
                suspended: false,
            }),
            webhook: Ok(HostWebhook {
                url: "https://platform.example/webhooks/github".into(),
                content_type: "json".into(),
                insecure_tls: false,
            }),
            labels: Ok(label::wanted()
                .into_iter()
                .map(|it| it.name.to_uppercase())
                .collect()),
            default_branch: Ok(HostBranch {
                name: "main".into(),
                protected: true,
            }),
            workflows: Ok(vec![file("ci.yml", "on: push\njobs: {}")]),
            services: Ok(None),
        }
    }

    fn file(path: &str, text: &str) -> HostFile {
        HostFile {
            path: path.into(),
            text: text.into(),
        }
    }

    fn gone() -> CodeHostError {
        CodeHostError::NotFound("such thing".into())
    }

    fn away() -> CodeHostError {
        CodeHostError::Unavailable("time-out".into())
    }

    fn of_installation(change: impl FnOnce(&mut HostInstallation)) -> HostSurvey {
        let mut survey = ready();
        if let Ok(installation) = &mut survey.installation {
            change(installation);
        }
        survey
    }

    /// What is not good, a line each.
    fn told(survey: &HostSurvey) -> String {
        let lines = judge(survey).into_iter().filter(|line| line.standing != "good");
        let lines = lines.map(|line| {
            let fix = line.fix.expect("what is not good has a remedy");
            format!("{} {}: {} → {fix}\n", line.standing, line.subject, line.finding)
        });
        lines.collect()
    }

    #[test]
    fn each_fault_has_its_line_and_hides_no_other() {
        assert_eq!(told(&ready()), "");
        assert_eq!(judge(&ready()).len(), Subject::ALL.len());
        let mut table = String::new();
        for (name, survey) in cases() {
            writeln!(table, "{name}\n{}", told(&survey)).unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[expect(clippy::too_many_lines, reason = "one table")]
    fn cases() -> Vec<(&'static str, HostSurvey)> {
        let secret = "on: push\njobs: {a: {steps: [{run: '${{ secrets.KEY }}'}]}}";
        vec![
            (
                "not installed",
                HostSurvey {
                    installation: Err(gone()),
                    ..ready()
                },
            ),
            ("suspended", of_installation(|it| it.suspended = true)),
            (
                "too little",
                of_installation(|it| {
                    it.permissions.remove("issues");
                    it.permissions.insert("contents".into(), "read".into());
                    it.events.retain(|event| event != "push");
                }),
            ),
            (
                "too much",
                of_installation(|it| {
                    it.permissions.insert("secrets".into(), "read".into());
                }),
            ),
            (
                "no members",
                of_installation(|it| {
                    it.permissions.remove("members");
                }),
            ),
            (
                "no webhook",
                HostSurvey {
                    webhook: Ok(HostWebhook::default()),
                    ..ready()
                },
            ),
            (
                "a form",
                HostSurvey {
                    webhook: Ok(HostWebhook {
                        url: "x".into(),
                        content_type: "form".into(),
                        insecure_tls: true,
                    }),
                    ..ready()
                },
            ),
            (
                "no labels",
                HostSurvey {
                    labels: Ok(vec!["run:dev".into()]),
                    ..ready()
                },
            ),
            (
                "an empty repository",
                HostSurvey {
                    default_branch: Err(gone()),
                    ..ready()
                },
            ),
            (
                "open to pushes",
                HostSurvey {
                    default_branch: Ok(HostBranch {
                        name: "main".into(),
                        protected: false,
                    }),
                    ..ready()
                },
            ),
            (
                "secrets",
                HostSurvey {
                    workflows: Ok(vec![file("a.yml", secret), file("b.yml", "[")]),
                    ..ready()
                },
            ),
            (
                "no YAML",
                HostSurvey {
                    workflows: Ok(vec![file("b.yml", "[")]),
                    ..ready()
                },
            ),
            (
                "no stack",
                HostSurvey {
                    services: Ok(Some(file("services.yaml", "a: b"))),
                    ..ready()
                },
            ),
            (
                "GitHub is away",
                HostSurvey {
                    installation: Err(away()),
                    webhook: Err(away()),
                    labels: Err(away()),
                    default_branch: Err(away()),
                    workflows: Err(away()),
                    services: Err(away()),
                },
            ),
        ]
    }
}
