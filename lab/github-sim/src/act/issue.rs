use serde_json::{Value, json};

use crate::http::Problem;
use crate::world::{Issue, World};

/// GitHub's bound for the text of an issue or comment, in characters.
pub(crate) const MAX_BODY: usize = 65_536;
const MAX_TITLE: usize = 256;

/// What a new issue, or a pull request's issue side, begins with.
pub(crate) struct NewIssue {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) assignees: Vec<String>,
}

/// What an edit changes; what is absent stays.
#[derive(Default)]
pub(crate) struct IssueEdit {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) open: Option<bool>,
    pub(crate) state_reason: Option<String>,
    pub(crate) assignees: Option<Vec<String>>,
}

impl World {
    pub(crate) fn create_issue(
        &mut self,
        repository: u64,
        actor: u64,
        new: NewIssue,
    ) -> Result<u64, Problem> {
        check_title(&new.title, "Issue")?;
        check_body(new.body.as_deref(), "Issue")?;
        let assignee_ids = self.assignees(&new.assignees);
        let number = self.repository(repository)?.next_number();
        let mut issue = self.blank_issue(number, actor, new.title, new.body);
        issue.assignee_ids = assignee_ids;
        self.repository_mut(repository)?.issues.insert(number, issue);
        // The labels come first: GitHub's `opened` carries them, and each is told of on its own after it.
        let labels = self.attach_labels((repository, number), actor, &new.labels)?;
        self.emit_issue((repository, number), "opened", actor, json!({}));
        for label in labels {
            self.tell_labeled((repository, number), actor, label);
        }
        Ok(number)
    }

    pub(crate) fn blank_issue(
        &mut self,
        number: u64,
        author_id: u64,
        title: String,
        body: Option<String>,
    ) -> Issue {
        let now = self.now();
        Issue {
            id: self.id(),
            number,
            title,
            body,
            author_id,
            open: true,
            state_reason: None,
            label_ids: Vec::new(),
            assignee_ids: Vec::new(),
            locked: false,
            comments: Vec::new(),
            reactions: Vec::new(),
            events: Vec::new(),
            pull: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            closed_by: None,
        }
    }

    pub(crate) fn edit_issue(&mut self, at: (u64, u64), actor: u64, edit: IssueEdit) -> Result<(), Problem> {
        if let Some(title) = &edit.title {
            check_title(title, "Issue")?;
        }
        check_body(edit.body.as_deref(), "Issue")?;
        let assignee_ids = edit.assignees.as_ref().map(|logins| self.assignees(logins));
        let now = self.now();
        let issue = self.issue_mut(at.0, at.1)?;
        let mut changes = serde_json::Map::new();
        if let Some(title) = edit.title.filter(|title| *title != issue.title) {
            changes.insert(
                "title".into(),
                json!({"from": std::mem::replace(&mut issue.title, title)}),
            );
        }
        if let Some(body) = edit.body.filter(|body| Some(body) != issue.body.as_ref()) {
            changes.insert("body".into(), json!({"from": issue.body.replace(body)}));
        }
        if let Some(ids) = assignee_ids {
            issue.assignee_ids = ids;
            issue.updated_at = now;
        }
        if !changes.is_empty() {
            issue.updated_at = now;
            self.emit_issue(at, "edited", actor, json!({"changes": changes}));
        }
        match edit.open {
            Some(true) => self.reopen_issue(at, actor),
            Some(false) => self.close_issue(at, actor, edit.state_reason.as_deref()),
            None => Ok(()),
        }
    }

    /// Closes an issue or pull request. Asking twice changes nothing.
    pub(crate) fn close_issue(
        &mut self,
        at: (u64, u64),
        actor: u64,
        reason: Option<&str>,
    ) -> Result<(), Problem> {
        let now = self.now();
        let issue = self.issue_mut(at.0, at.1)?;
        if !issue.open {
            return Ok(());
        }
        issue.open = false;
        issue.closed_at = Some(now);
        issue.closed_by = Some(actor);
        if issue.pull.is_none() {
            issue.state_reason = Some(reason.unwrap_or("completed").to_owned());
        }
        self.note(at, "closed", actor, None)?;
        self.emit_issue(at, "closed", actor, json!({}));
        Ok(())
    }

    /// Opens a closed issue or pull request again. Asking twice changes nothing.
    pub(crate) fn reopen_issue(&mut self, at: (u64, u64), actor: u64) -> Result<(), Problem> {
        let issue = self.issue_mut(at.0, at.1)?;
        if issue.open {
            return Ok(());
        }
        if issue.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some()) {
            return Err(Problem::invalid_field(
                "PullRequest",
                "state",
                "invalid",
                Some("it was merged"),
            ));
        }
        issue.open = true;
        issue.closed_at = None;
        issue.closed_by = None;
        issue.state_reason = issue.pull.is_none().then(|| "reopened".to_owned());
        self.note(at, "reopened", actor, None)?;
        self.emit_issue(at, "reopened", actor, Value::Null);
        Ok(())
    }

    /// Returns who of these people exists; GitHub leaves the others out without a word.
    fn assignees(&self, logins: &[String]) -> Vec<u64> {
        logins
            .iter()
            .filter_map(|login| self.account_by_login(login))
            .map(|account| account.id)
            .collect()
    }
}

pub(crate) fn check_title(title: &str, resource: &str) -> Result<(), Problem> {
    if title.trim().is_empty() {
        return Err(Problem::invalid_field(resource, "title", "missing_field", None));
    }
    if title.chars().count() > MAX_TITLE {
        let message = "title is too long (maximum is 256 characters)";
        return Err(Problem::invalid_field(resource, "title", "custom", Some(message)));
    }
    Ok(())
}

pub(crate) fn check_body(body: Option<&str>, resource: &str) -> Result<(), Problem> {
    if body.is_some_and(|body| body.chars().count() > MAX_BODY) {
        let message = "body is too long (maximum is 65536 characters)";
        return Err(Problem::invalid_field(resource, "body", "custom", Some(message)));
    }
    Ok(())
}
