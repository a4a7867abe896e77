use serde_json::json;

use crate::http::Problem;
use crate::view::View;
use crate::world::{Label, World};

/// The colour of a label nobody chose a colour for.
const GREY: &str = "ededed";
/// GitHub's bound of labels on one issue.
const MAX_LABELS: usize = 100;

impl World {
    /// Adds a label to a repository.
    pub(crate) fn create_label(
        &mut self,
        repository: u64,
        actor: u64,
        name: &str,
        color: Option<&str>,
        description: Option<String>,
    ) -> Result<u64, Problem> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 50 {
            return Err(Problem::invalid_field("Label", "name", "invalid", None));
        }
        if self.repository(repository)?.label_named(name).is_some() {
            return Err(Problem::invalid_field("Label", "name", "already_exists", None));
        }
        let color = color.unwrap_or(GREY).trim_start_matches('#').to_lowercase();
        if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Problem::invalid_field("Label", "color", "invalid", None));
        }
        let id = self.id();
        let label = Label {
            id,
            name: name.to_owned(),
            color,
            description,
        };
        self.repository_mut(repository)?.labels.push(label);
        self.tell_label(repository, actor, id, "created");
        Ok(id)
    }

    /// Tells of a label of the repository itself.
    pub(crate) fn tell_label(&mut self, repository: u64, actor: u64, label: u64, action: &str) {
        let Some(about) = self.repositories.get(&repository) else {
            return;
        };
        let Some(found) = about.label(label) else { return };
        let payload = json!({"action": action, "label": View::of(self).label(about, found)});
        self.emit("label", repository, actor, payload);
    }

    /// Removes a label from the repository and from every issue.
    pub(crate) fn delete_label(&mut self, repository: u64, actor: u64, name: &str) -> Result<(), Problem> {
        let id = self
            .repository(repository)?
            .label_named(name)
            .ok_or_else(Problem::not_found)?
            .id;
        self.tell_label(repository, actor, id, "deleted");
        let about = self.repository_mut(repository)?;
        about.labels.retain(|label| label.id != id);
        about
            .issues
            .values_mut()
            .for_each(|issue| issue.label_ids.retain(|held| *held != id));
        Ok(())
    }

    /// Puts labels on an issue; those it has already change nothing, unknown ones are made.
    pub(crate) fn add_labels(&mut self, at: (u64, u64), actor: u64, names: &[String]) -> Result<(), Problem> {
        for label in self.attach_labels(at, actor, names)? {
            self.tell_labeled(at, actor, label);
        }
        Ok(())
    }

    /// Makes the labels of an issue exactly these.
    pub(crate) fn set_labels(&mut self, at: (u64, u64), actor: u64, names: &[String]) -> Result<(), Problem> {
        let repository = self.repository(at.0)?;
        let held = self
            .issue(at.0, at.1)?
            .label_ids
            .iter()
            .filter_map(|id| repository.label(*id));
        let wanted = |label: &&Label| !names.iter().any(|name| name.eq_ignore_ascii_case(&label.name));
        let unwanted: Vec<String> = held.filter(wanted).map(|label| label.name.clone()).collect();
        for name in unwanted {
            self.remove_label(at, actor, &name)?;
        }
        self.add_labels(at, actor, names)
    }

    /// Takes one label off an issue; 404 when it is not there, as at GitHub.
    pub(crate) fn remove_label(&mut self, at: (u64, u64), actor: u64, name: &str) -> Result<(), Problem> {
        let missing = || Problem::new(http::StatusCode::NOT_FOUND, "Label does not exist");
        let label = self.repository(at.0)?.label_named(name).ok_or_else(missing)?;
        let (id, shown) = (label.id, (label.name.clone(), label.color.clone()));
        let issue = self.issue_mut(at.0, at.1)?;
        let place = issue
            .label_ids
            .iter()
            .position(|held| *held == id)
            .ok_or_else(missing)?;
        issue.label_ids.remove(place);
        self.note(at, "unlabeled", actor, Some(shown))?;
        let label = self.shown_label(at.0, id);
        self.emit_issue(at, "unlabeled", actor, json!({"label": label}));
        Ok(())
    }

    /// Puts labels on an issue without telling, and returns the ids of those that are new there.
    pub(crate) fn attach_labels(
        &mut self,
        at: (u64, u64),
        actor: u64,
        names: &[String],
    ) -> Result<Vec<u64>, Problem> {
        let mut added = Vec::new();
        for name in names {
            let known = self.repository(at.0)?.label_named(name).map(|label| label.id);
            let id = match known {
                Some(id) => id,
                None => self.create_label(at.0, actor, name, None, None)?,
            };
            let issue = self.issue_mut(at.0, at.1)?;
            if issue.label_ids.contains(&id) {
                continue;
            }
            if issue.label_ids.len() == MAX_LABELS {
                return Err(Problem::invalid_field(
                    "Issue",
                    "labels",
                    "invalid",
                    Some("too many labels"),
                ));
            }
            issue.label_ids.push(id);
            let shown = self
                .repository(at.0)?
                .label(id)
                .map(|label| (label.name.clone(), label.color.clone()));
            self.note(at, "labeled", actor, shown)?;
            added.push(id);
        }
        Ok(added)
    }

    pub(crate) fn tell_labeled(&mut self, at: (u64, u64), actor: u64, label: u64) {
        let label = self.shown_label(at.0, label);
        self.emit_issue(at, "labeled", actor, json!({"label": label}));
    }

    fn shown_label(&self, repository: u64, label: u64) -> serde_json::Value {
        let found = self
            .repositories
            .get(&repository)
            .and_then(|about| about.label(label).map(|l| (about, l)));
        found.map_or(serde_json::Value::Null, |(about, label)| {
            View::of(self).label(about, label)
        })
    }
}
