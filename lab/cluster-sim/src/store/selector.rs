//! Label and field selectors.

use serde_json::Value;

use crate::error::{ApiError, Result};
use crate::kinds::Kind;
use crate::object::text;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// What a list or a watch is narrowed to: both selectors, all parts must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    /// Pointer, value, and whether equality is wanted.
    fields: Vec<(String, String, bool)>,
}

impl Selector {
    /// Reads both selectors as they stand in a query.
    ///
    /// # Errors
    ///
    /// `BadRequest` for a selector that cannot be read or a field that the kind does not offer.
    pub(crate) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self> {
        let labels = split(labels)
            .into_iter()
            .map(requirement)
            .collect::<Result<_>>()?;
        let fields = fields
            .split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| field(kind, part.trim()))
            .collect::<Result<_>>()?;
        Ok(Self { labels, fields })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        let value = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        self.labels.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => value(key).is_some_and(|value| values.iter().any(|v| v == value)),
            Requirement::NotIn(key, values) => {
                value(key).is_none_or(|value| values.iter().all(|v| v != value))
            }
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Absent(key) => value(key).is_none(),
        }) && self
            .fields
            .iter()
            .all(|(pointer, wanted, is_equal)| (text(object, pointer) == wanted) == *is_equal)
    }
}

/// Splits at commas outside parentheses.
fn split(selector: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, letter) in selector.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(selector[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(selector[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn requirement(part: &str) -> Result<Requirement> {
    let unreadable = || ApiError::bad_request(format!("unable to parse requirement: {part:?}"));
    let key = |key: &str| {
        let key = key.trim();
        let is_key = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        if key.is_empty() || !key.chars().all(is_key) {
            Err(unreadable())
        } else {
            Ok(key.to_owned())
        }
    };
    if let Some((left, values)) = part.split_once('(') {
        let values = values.strip_suffix(')').ok_or_else(unreadable)?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let (name, operator) = left
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or_else(unreadable)?;
        return match operator {
            "in" => Ok(Requirement::In(key(name)?, values)),
            "notin" => Ok(Requirement::NotIn(key(name)?, values)),
            _ => Err(unreadable()),
        };
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((name, value)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(key(name)?, one(value)));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::In(key(name)?, one(value)));
    }
    match part.strip_prefix('!') {
        Some(name) => Ok(Requirement::Absent(key(name)?)),
        None => Ok(Requirement::Exists(key(part)?)),
    }
}

fn field(kind: &Kind, part: &str) -> Result<(String, String, bool)> {
    let (path, value, is_equal) = if let Some((path, value)) = part.split_once("!=") {
        (path, value, false)
    } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (path, value, true)
    } else {
        return Err(ApiError::bad_request(format!(
            "invalid selector: {part:?}; can't understand it"
        )));
    };
    let own: &[&str] = match kind.name {
        "Pod" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "Event" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "Secret" => &["type"],
        "Namespace" => &["status.phase"],
        "Node" => &["spec.unschedulable"],
        _ => &[],
    };
    if !(["metadata.name", "metadata.namespace"].contains(&path) || own.contains(&path)) {
        return Err(ApiError::bad_request(format!(
            "field label not supported: {path}"
        )));
    }
    Ok((format!("/{}", path.replace('.', "/")), value.to_owned(), is_equal))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Selector;
    use crate::kinds::named;

    #[test]
    fn every_form_of_label_selector_is_understood() {
        let object = json!({"metadata": {"labels": {"app": "web", "x.io/tier": "a"}}});
        let matches = |labels: &str| {
            Selector::parse(named("Pod"), labels, "")
                .expect("the selector is well formed")
                .matches(&object)
        };
        for yes in [
            "app",
            "app=web",
            "app==web",
            "app!=db",
            "other!=x",
            "!gone",
            "app in (db, web),x.io/tier=a",
            "app notin (db)",
            "",
        ] {
            assert!(matches(yes), "{yes}");
        }
        for no in [
            "gone",
            "app=db",
            "app!=web",
            "!app",
            "app in (db)",
            "app notin (web)",
            "app=web,x.io/tier=b",
        ] {
            assert!(!matches(no), "{no}");
        }
        assert!(Selector::parse(named("Pod"), "app in web", "").is_err());
    }

    #[test]
    fn an_unknown_field_is_refused() {
        assert!(Selector::parse(named("Pod"), "", "status.phase=Running,metadata.name!=x").is_ok());
        assert_eq!(
            Selector::parse(named("Pod"), "", "spec.hostname=x")
                .expect_err("not offered")
                .code,
            400
        );
    }
}
