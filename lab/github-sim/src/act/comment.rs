use serde_json::{Value, json};

use super::issue::check_body;
use crate::http::Problem;
use crate::view::View;
use crate::world::{Comment, World};

impl World {
    pub(crate) fn create_comment(
        &mut self,
        at: (u64, u64),
        actor: u64,
        body: String,
    ) -> Result<u64, Problem> {
        if body.trim().is_empty() {
            return Err(Problem::invalid_field(
                "IssueComment",
                "body",
                "missing_field",
                None,
            ));
        }
        check_body(Some(&body), "IssueComment")?;
        let (id, now) = (self.id(), self.now());
        let issue = self.issue_mut(at.0, at.1)?;
        issue.updated_at = now;
        issue.comments.push(Comment {
            id,
            author_id: actor,
            body,
            reactions: Vec::new(),
            created_at: now,
            updated_at: now,
        });
        self.tell_comment(at, id, "created", actor, json!({}));
        Ok(id)
    }

    pub(crate) fn edit_comment(
        &mut self,
        repository: u64,
        id: u64,
        actor: u64,
        body: String,
    ) -> Result<(), Problem> {
        check_body(Some(&body), "IssueComment")?;
        let (now, number) = (self.now(), self.comment_place(repository, id)?);
        let issue = self.issue_mut(repository, number)?;
        issue.updated_at = now;
        let comment = issue
            .comments
            .iter_mut()
            .find(|c| c.id == id)
            .ok_or_else(Problem::not_found)?;
        comment.updated_at = now;
        let from = std::mem::replace(&mut comment.body, body);
        self.tell_comment(
            (repository, number),
            id,
            "edited",
            actor,
            json!({"changes": {"body": {"from": from}}}),
        );
        Ok(())
    }

    pub(crate) fn delete_comment(&mut self, repository: u64, id: u64, actor: u64) -> Result<(), Problem> {
        let number = self.comment_place(repository, id)?;
        self.tell_comment((repository, number), id, "deleted", actor, json!({}));
        self.issue_mut(repository, number)?
            .comments
            .retain(|comment| comment.id != id);
        Ok(())
    }

    /// Finds the issue that a comment stands under.
    pub(crate) fn comment_place(&self, repository: u64, id: u64) -> Result<u64, Problem> {
        let issues = &self.repository(repository)?.issues;
        let holds = issues
            .values()
            .find(|issue| issue.comments.iter().any(|comment| comment.id == id));
        holds.map(|issue| issue.number).ok_or_else(Problem::not_found)
    }

    fn tell_comment(&mut self, at: (u64, u64), id: u64, action: &str, actor: u64, more: Value) {
        let Some(about) = self.repositories.get(&at.0) else {
            return;
        };
        let Some(issue) = about.issues.get(&at.1) else {
            return;
        };
        let Some(comment) = issue.comments.iter().find(|comment| comment.id == id) else {
            return;
        };
        let view = View::of(self);
        let comment = view.comment(about, issue, comment);
        let mut payload = json!({"action": action, "issue": view.issue(about, issue), "comment": comment});
        if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
            payload.extend(more);
        }
        self.emit("issue_comment", at.0, actor, payload);
    }
}
