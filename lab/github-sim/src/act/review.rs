use serde_json::json;

use crate::http::Problem;
use crate::view::View;
use crate::world::{Issue, Pull, Review, ReviewComment, World};

/// A comment on one line of a pull request.
pub(crate) struct LineComment {
    pub(crate) path: String,
    pub(crate) line: Option<u64>,
    pub(crate) side: String,
    pub(crate) body: String,
    pub(crate) in_reply_to_id: Option<u64>,
}

fn part(issue: &mut Issue) -> Result<&mut Pull, Problem> {
    issue.pull.as_mut().ok_or_else(Problem::not_found)
}

impl World {
    /// Submits a review. `event` is `APPROVE`, `REQUEST_CHANGES` or `COMMENT`.
    pub(crate) fn submit_review(
        &mut self,
        at: (u64, u64),
        actor: u64,
        event: &str,
        body: String,
        comments: Vec<LineComment>,
    ) -> Result<u64, Problem> {
        let state = match event {
            "APPROVE" => "APPROVED",
            "REQUEST_CHANGES" => "CHANGES_REQUESTED",
            "COMMENT" => "COMMENTED",
            _ => return Err(Problem::unprocessable("Invalid value for event")),
        };
        let own = self.pull(at.0, at.1)?.author_id == actor;
        if own && state != "COMMENTED" {
            let verb = if state == "APPROVED" {
                "approve"
            } else {
                "request changes on"
            };
            return Err(Problem::unprocessable(format!(
                "Can not {verb} your own pull request"
            )));
        }
        if state != "APPROVED" && body.trim().is_empty() && comments.is_empty() {
            return Err(Problem::unprocessable(
                "Review cannot be submitted without a body",
            ));
        }
        let (id, now) = (self.id(), self.now());
        let issue = self.issue_mut(at.0, at.1)?;
        issue.updated_at = now;
        let pull = part(issue)?;
        let commit_id = pull.head_sha.clone();
        pull.reviewer_ids.retain(|reviewer| *reviewer != actor);
        pull.reviews.push(Review {
            id,
            author_id: actor,
            body,
            state: state.to_owned(),
            commit_id,
            submitted_at: now,
        });
        for comment in comments {
            self.add_line_comment(at, actor, id, comment)?;
        }
        self.tell_review(at, actor, id);
        Ok(id)
    }

    /// Adds a comment on a line; the review it belongs to exists already.
    pub(crate) fn add_line_comment(
        &mut self,
        at: (u64, u64),
        actor: u64,
        review_id: u64,
        new: LineComment,
    ) -> Result<u64, Problem> {
        let (id, now) = (self.id(), self.now());
        let pull = part(self.issue_mut(at.0, at.1)?)?;
        let commit_id = pull.head_sha.clone();
        pull.review_comments.push(ReviewComment {
            id,
            review_id,
            author_id: actor,
            body: new.body,
            path: new.path,
            line: new.line,
            side: new.side,
            commit_id,
            in_reply_to_id: new.in_reply_to_id,
            created_at: now,
        });
        self.tell_line_comment(at, actor, id);
        Ok(id)
    }

    /// Asks people for a review, or takes the question back.
    pub(crate) fn set_reviewers(
        &mut self,
        at: (u64, u64),
        actor: u64,
        ids: &[u64],
        on: bool,
    ) -> Result<(), Problem> {
        for id in ids {
            let pull = part(self.issue_mut(at.0, at.1)?)?;
            let asked = pull.reviewer_ids.contains(id);
            if asked == on {
                continue;
            }
            if on {
                pull.reviewer_ids.push(*id);
            } else {
                pull.reviewer_ids.retain(|held| held != id);
            }
            let action = if on {
                "review_requested"
            } else {
                "review_request_removed"
            };
            self.note(at, action, actor, None)?;
            let reviewer = View::of(self).user(*id);
            self.emit_issue(at, action, actor, json!({"requested_reviewer": reviewer}));
        }
        Ok(())
    }

    fn tell_review(&mut self, at: (u64, u64), actor: u64, id: u64) {
        let Some((about, issue)) = self
            .repositories
            .get(&at.0)
            .and_then(|r| r.issues.get(&at.1).map(|i| (r, i)))
        else {
            return;
        };
        let reviews = issue.pull.iter().flat_map(|pull| &pull.reviews);
        let Some(review) = reviews.into_iter().find(|review| review.id == id) else {
            return;
        };
        let view = View::of(self);
        let mut shown = view.review(about, issue, review);
        // The API shouts the state, webhooks do not.
        shown["state"] = json!(review.state.to_lowercase());
        if review.body.is_empty() {
            shown["body"] = serde_json::Value::Null;
        }
        let payload =
            json!({"action": "submitted", "review": shown, "pull_request": view.pull_simple(about, issue)});
        self.emit("pull_request_review", at.0, actor, payload);
    }

    fn tell_line_comment(&mut self, at: (u64, u64), actor: u64, id: u64) {
        let Some((about, issue)) = self
            .repositories
            .get(&at.0)
            .and_then(|r| r.issues.get(&at.1).map(|i| (r, i)))
        else {
            return;
        };
        let comments = issue.pull.iter().flat_map(|pull| &pull.review_comments);
        let Some(comment) = comments.into_iter().find(|comment| comment.id == id) else {
            return;
        };
        let view = View::of(self);
        let comment = view.review_comment(about, issue, comment);
        let payload =
            json!({"action": "created", "comment": comment, "pull_request": view.pull_simple(about, issue)});
        self.emit("pull_request_review_comment", at.0, actor, payload);
    }
}
