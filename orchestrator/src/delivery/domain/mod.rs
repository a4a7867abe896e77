//! What a delivery says, read leniently; and what can be made of it.

mod access;
mod form;
mod payload;

pub use access::host_access;
pub use payload::{Account, Payload, parse};

use jiff::Timestamp;

use crate::id::{RepositoryId, RunId};
use crate::repository::Sighting;
use crate::trigger::{ConflictReason, Event, Head, IgnoreReason, LABEL_PREFIX, Sender, Source};
use crate::work_item::{WorkItem, WorkItemKind, issue_text_sha256};

use payload::{Change, Item};

/// What was made of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    RunCreated(RunId),
    /// A run that is about to begin reads it too.
    RunJoined(RunId),
    RunEnded(RunId),
    /// What it says was noted; nothing starts from it.
    Recorded,
    Ignored(IgnoreReason),
    Conflict(ConflictReason),
    /// It could not be worked on; the text says what stood in the way.
    Failed(String),
}

impl Verdict {
    /// The word of the column.
    pub fn word(&self) -> &'static str {
        match self {
            Self::RunCreated(_) => "run_created",
            Self::RunJoined(_) => "run_joined",
            Self::RunEnded(_) => "run_ended",
            Self::Recorded => "recorded",
            Self::Ignored(_) => "ignored",
            Self::Conflict(_) => "conflict",
            Self::Failed(_) => "failed",
        }
    }

    /// The closed list's word for why.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Ignored(reason) => Some(reason.as_str()),
            Self::Conflict(reason) => Some(reason.as_str()),
            _ => None,
        }
    }

    pub fn run_id(&self) -> Option<RunId> {
        match self {
            Self::RunCreated(run_id) | Self::RunJoined(run_id) | Self::RunEnded(run_id) => Some(*run_id),
            _ => None,
        }
    }

    /// Reads the columns back.
    pub fn parse(
        word: &str,
        reason: Option<&str>,
        detail: Option<&str>,
        run_id: Option<RunId>,
    ) -> Option<Self> {
        Some(match word {
            "run_created" => Self::RunCreated(run_id?),
            "run_joined" => Self::RunJoined(run_id?),
            "run_ended" => Self::RunEnded(run_id?),
            "recorded" => Self::Recorded,
            "ignored" => Self::Ignored(IgnoreReason::parse(reason?)?),
            "conflict" => Self::Conflict(ConflictReason::parse(reason?)?),
            "failed" => Self::Failed(detail.unwrap_or_default().to_owned()),
            _ => return None,
        })
    }
}

/// Puts a payload into the rules' words.
pub fn event(name: &str, payload: &Payload) -> Event {
    let item = payload.issue.as_ref().or(payload.pull_request.as_ref());
    let default_branch = payload
        .repository
        .as_ref()
        .and_then(|repository| repository.default_branch.as_deref());
    let pushed = payload
        .git_ref
        .as_deref()
        .and_then(|name| name.strip_prefix("refs/heads/"));
    Event {
        source: Source::Github,
        cause_depth: 0,
        name: name.to_owned(),
        action: payload.action.clone().unwrap_or_default(),
        number: item.and_then(|item| item.number).filter(|number| *number > 0),
        on_pull_request: on_pull_request(payload),
        label: payload.label.as_ref().and_then(|label| label.name.clone()),
        sender: payload.sender.as_ref().and_then(sender),
        review_id: payload.review.as_ref().and_then(|review| review.id),
        head: payload.pull_request.as_ref().and_then(|item| head(item, payload)),
        review_state: payload.review.as_ref().and_then(|review| review.state.clone()),
        comment: payload.comment.as_ref().and_then(|comment| comment.body.clone()),
        pushes_default_branch: name == "push" && pushed.is_some() && pushed == default_branch,
        updated_at: item.and_then(|item| item.updated_at.clone()),
        issue_text_sha256: item.map(text_now),
        issue_text_sha256_before: text_before(payload),
    }
}

/// A name that could be taken for an option of git is none.
fn head(item: &Item, payload: &Payload) -> Option<Head> {
    let head = item.head.as_ref()?;
    let branch = head.branch.clone()?;
    let plain = !branch.is_empty() && !branch.starts_with('-') && !branch.chars().any(char::is_control);
    let at =
        |repository: &Option<payload::Repository>| repository.as_ref().and_then(|repository| repository.id);
    plain.then(|| Head {
        is_ours: at(&head.repo).is_some() && at(&head.repo) == at(&payload.repository),
        branch,
    })
}

fn text_now(issue: &Item) -> String {
    let (title, body) = (issue.title.as_deref(), issue.body.as_deref());
    issue_text_sha256(title.unwrap_or_default(), body.unwrap_or_default())
}

/// The text before an edit of title or body; none if the event tells of no such edit.
fn text_before(payload: &Payload) -> Option<String> {
    let (issue, changes) = (payload.issue.as_ref()?, payload.changes.as_ref()?);
    if changes.title.is_none() && changes.body.is_none() {
        return None;
    }
    let before = |change: &Option<Change>, now: &Option<String>| {
        let text = change.as_ref().map_or(now, |change| &change.from);
        text.clone().unwrap_or_default()
    };
    Some(issue_text_sha256(
        &before(&changes.title, &issue.title),
        &before(&changes.body, &issue.body),
    ))
}

fn on_pull_request(payload: &Payload) -> bool {
    match &payload.issue {
        Some(issue) => issue.is_pull_request,
        None => payload.pull_request.is_some(),
    }
}

fn sender(account: &Account) -> Option<Sender> {
    Some(Sender {
        github_user_id: account.id?,
        login: account.login.clone().unwrap_or_default(),
        is_user: account.kind.as_deref() == Some("User"),
    })
}

/// The issue or pull request as the payload shows it; none if something that is needed is missing.
pub fn projection(repository_id: RepositoryId, payload: &Payload) -> Option<WorkItem> {
    let item = payload.issue.as_ref().or(payload.pull_request.as_ref())?;
    let on_pull_request = on_pull_request(payload);
    let deleted = payload.action.as_deref() == Some("deleted") && payload.comment.is_none();
    let head = item.head.as_ref();
    Some(WorkItem {
        repository_id,
        number: item.number.filter(|number| *number > 0)?,
        kind: if on_pull_request {
            WorkItemKind::PullRequest
        } else {
            WorkItemKind::Issue
        },
        title: item.title.clone()?,
        open: item.state.as_deref()? == "open" && !deleted,
        labels: item
            .labels
            .iter()
            .flatten()
            .filter_map(|label| label.name.clone())
            .collect(),
        author_github_user_id: item.user.as_ref().and_then(|user| user.id),
        author_login: item.user.as_ref().and_then(|user| user.login.clone()),
        head_branch: head.and_then(|head| head.branch.clone()),
        head_sha: head.and_then(|head| head.sha.clone()),
        url: item.html_url.clone()?,
        as_of: moment(item.updated_at.as_deref()?)?,
    })
}

/// What the payload says of its repository's name and place; none if something that is needed is missing.
pub fn sighting(payload: &Payload) -> Option<Sighting> {
    let repository = payload.repository.as_ref()?;
    Some(Sighting {
        installation_id: payload.installation.as_ref()?.id?,
        owner: repository.owner.as_ref()?.login.clone()?,
        name: repository.name.clone()?,
        default_branch: repository.default_branch.clone()?,
        clone_url: repository.clone_url.clone()?,
        as_of: moment(repository.updated_at.as_deref()?)?,
    })
}

/// Of which organisation, and of which team of it alone, an event says that members came or went.
pub fn members_changed<'a>(name: &str, payload: &'a Payload) -> Option<(&'a str, Option<&'a str>)> {
    let org = payload.organization.as_ref()?.login.as_deref()?;
    let team = payload.team.as_ref().and_then(|team| team.slug.as_deref());
    match name {
        "membership" => Some((org, team)),
        // A team may have another name now, or belong to another: all of the organisation's are asked about.
        "organization" | "team" => Some((org, None)),
        _ => None,
    }
}

/// A moment that the database can hold; GitHub began later.
pub fn moment(text: &str) -> Option<Timestamp> {
    let moment: Timestamp = text.parse().ok()?;
    (moment >= Timestamp::UNIX_EPOCH).then_some(moment)
}

/// What makes two deliveries the same labelling: one starts one run, for ever.
pub fn source_key(github_repository_id: i64, number: i64, label: &str, updated_at: &str) -> String {
    format!("label {github_repository_id} {number} {label} {updated_at}")
}

/// One review starts one run, for ever.
pub fn review_source_key(github_repository_id: i64, number: i64, review_id: i64) -> String {
    format!("review {github_repository_id} {number} {review_id}")
}

/// A short text beside the reason: what in the event it is about.
pub fn detail(event: &Event) -> Option<String> {
    let label = event
        .label
        .as_deref()
        .filter(|label| label.starts_with(LABEL_PREFIX));
    let sender = event.sender.as_ref().map(|sender| sender.login.as_str());
    match (label, sender) {
        (Some(label), Some(sender)) => Some(format!("label {label} by {sender}")),
        (Some(label), None) => Some(format!("label {label}")),
        (None, Some(sender)) => Some(format!("by {sender}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;
