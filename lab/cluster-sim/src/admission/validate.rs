//! What no object may be, and what may never change.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::quantity::parse;
use crate::error::{ApiError, Result};
use crate::kinds::Kind;
use crate::object::{flag, integer, list, name, text};

struct Check<'a> {
    kind: &'a Kind,
    name: &'a str,
}

impl Check<'_> {
    fn that(&self, holds: bool, field: &str, why: &str) -> Result<()> {
        if holds {
            Ok(())
        } else {
            Err(ApiError::invalid(self.kind.name, self.name, field, why))
        }
    }
}

/// Checks an object as it would be stored.
///
/// # Errors
///
/// `Invalid`, naming the field.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<()> {
    let check = Check {
        kind,
        name: name(object),
    };
    labels(&check, object)?;
    match kind.name {
        "Pod" => pod_spec(&check, "spec", &object["spec"]),
        "Job" => job(&check, &object["spec"]),
        "Deployment" | "StatefulSet" => {
            pod_spec(&check, "spec.template.spec", &object["spec"]["template"]["spec"])
        }
        "Secret" => secret(&check, object),
        "ResourceQuota" => {
            let hard = object.pointer("/spec/hard").and_then(Value::as_object);
            for (key, value) in hard.into_iter().flatten() {
                let is_quantity =
                    value.as_i64().is_some() || value.as_str().is_some_and(|v| parse(v).is_some());
                check.that(is_quantity, &format!("spec.hard[{key}]"), "must be a quantity")?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Checks what a change may not touch.
pub(crate) fn check_update(kind: &Kind, current: &Value, next: &Value) -> Result<()> {
    let check = Check {
        kind,
        name: name(current),
    };
    match kind.name {
        "Pod" => {
            let is_same = frozen_pod(&current["spec"]) == frozen_pod(&next["spec"]);
            check.that(
                is_same,
                "spec",
                "Forbidden: pod updates may not change fields other than image, \
                activeDeadlineSeconds, terminationGracePeriodSeconds and tolerations",
            )
        }
        "Job" => job_update(&check, current, next),
        "Secret" | "ConfigMap" => {
            let data = |object: &Value| (object.get("data").cloned(), object.get("binaryData").cloned());
            let may_change =
                !flag(current, "/immutable") || data(current) == data(next) && flag(next, "/immutable");
            check.that(
                may_change,
                "data",
                "Forbidden: field is immutable when `immutable` is set",
            )?;
            check.that(
                text(current, "/type") == text(next, "/type"),
                "type",
                "field is immutable",
            )
        }
        "RoleBinding" | "ClusterRoleBinding" => check.that(
            current["roleRef"] == next["roleRef"],
            "roleRef",
            "cannot change roleRef",
        ),
        _ => Ok(()),
    }
}

fn labels(check: &Check<'_>, object: &Value) -> Result<()> {
    for part in ["labels", "annotations"] {
        for (key, value) in object["metadata"]
            .get(part)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let field = format!("metadata.{part}[{key}]");
            check.that(value.is_string(), &field, "must be a string")?;
            let is_fine = part == "annotations" || is_label(value.as_str().unwrap_or_default());
            check.that(
                is_fine,
                &field,
                "a valid label must be at most 63 alphanumeric characters, '-', '_' or '.', \
                and start and end with an alphanumeric character",
            )?;
        }
    }
    Ok(())
}

fn is_label(value: &str) -> bool {
    let is_inner = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let is_end = |letter: Option<char>| letter.is_none_or(|letter| letter.is_ascii_alphanumeric());
    value.len() <= 63
        && value.chars().all(is_inner)
        && is_end(value.chars().next())
        && is_end(value.chars().last())
}

fn secret(check: &Check<'_>, secret: &Value) -> Result<()> {
    for (key, value) in secret
        .get("data")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let is_encoded = value.is_null() || value.as_str().is_some_and(|text| STANDARD.decode(text).is_ok());
        check.that(is_encoded, &format!("data[{key}]"), "must be base64")?;
    }
    Ok(())
}

fn job(check: &Check<'_>, spec: &Value) -> Result<()> {
    let policy = text(spec, "/template/spec/restartPolicy");
    check.that(
        matches!(policy, "Never" | "OnFailure"),
        "spec.template.spec.restartPolicy",
        &format!("Unsupported value: {policy:?}: supported values: \"OnFailure\", \"Never\""),
    )?;
    for field in [
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
        "parallelism",
        "completions",
    ] {
        let is_fine = integer(spec, &format!("/{field}")).is_none_or(|value| value >= 0);
        check.that(
            is_fine,
            &format!("spec.{field}"),
            "must be greater than or equal to 0",
        )?;
    }
    pod_spec(check, "spec.template.spec", &spec["template"]["spec"])
}

fn job_update(check: &Check<'_>, current: &Value, next: &Value) -> Result<()> {
    for field in ["selector", "completionMode", "completions", "manualSelector"] {
        let is_same = current["spec"].get(field) == next["spec"].get(field);
        check.that(is_same, &format!("spec.{field}"), "field is immutable")?;
    }
    let was_idle = flag(current, "/spec/suspend") && current["status"].get("startTime").is_none();
    let is_same = frozen_template(current, was_idle) == frozen_template(next, was_idle);
    check.that(is_same, "spec.template", "field is immutable")
}

/// Gives the part of a Job's template that may not change; of an idle one, scheduling directives may.
fn frozen_template(job: &Value, is_idle: bool) -> Value {
    let mut template = job["spec"]["template"].clone();
    if is_idle {
        for (part, key) in [
            ("metadata", "labels"),
            ("metadata", "annotations"),
            ("spec", "nodeSelector"),
            ("spec", "tolerations"),
            ("spec", "affinity"),
        ] {
            template
                .get_mut(part)
                .and_then(Value::as_object_mut)
                .map(|map| map.remove(key));
        }
    }
    template
}

fn frozen_pod(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(map) = spec.as_object_mut() {
        for field in [
            "activeDeadlineSeconds",
            "terminationGracePeriodSeconds",
            "tolerations",
        ] {
            map.remove(field);
        }
    }
    for list in ["initContainers", "containers"] {
        for container in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            container.as_object_mut().map(|map| map.remove("image"));
        }
    }
    spec
}

fn pod_spec(check: &Check<'_>, at: &str, spec: &Value) -> Result<()> {
    check.that(
        !list(spec, "/containers").is_empty(),
        &format!("{at}.containers"),
        "Required value",
    )?;
    let volumes: HashSet<&str> = list(spec, "/volumes")
        .iter()
        .map(|volume| text(volume, "/name"))
        .collect();
    let mut names = HashSet::new();
    for part in ["initContainers", "containers"] {
        for (index, item) in list(spec, &format!("/{part}")).iter().enumerate() {
            let at = format!("{at}.{part}[{index}]");
            let name = text(item, "/name");
            check.that(!name.is_empty(), &format!("{at}.name"), "Required value")?;
            check.that(
                names.insert(name),
                &format!("{at}.name"),
                &format!("Duplicate value: {name:?}"),
            )?;
            container(check, &at, item, &volumes, part == "initContainers")?;
        }
    }
    let policy = text(spec, "/restartPolicy");
    let is_known = matches!(policy, "Always" | "OnFailure" | "Never");
    check.that(
        is_known,
        &format!("{at}.restartPolicy"),
        &format!("Unsupported value: {policy:?}"),
    )
}

fn container(
    check: &Check<'_>,
    at: &str,
    item: &Value,
    volumes: &HashSet<&str>,
    is_init: bool,
) -> Result<()> {
    check.that(
        !text(item, "/image").is_empty(),
        &format!("{at}.image"),
        "Required value",
    )?;
    for (index, mount) in list(item, "/volumeMounts").iter().enumerate() {
        let volume = text(mount, "/name");
        let field = format!("{at}.volumeMounts[{index}]");
        check.that(
            volumes.contains(volume),
            &format!("{field}.name"),
            &format!("Not found: {volume:?}"),
        )?;
        check.that(
            !text(mount, "/mountPath").is_empty(),
            &format!("{field}.mountPath"),
            "Required value",
        )?;
        let sub_path = text(mount, "/subPath");
        let is_inside = !sub_path.starts_with('/') && sub_path.split('/').all(|part| part != "..");
        check.that(
            is_inside,
            &format!("{field}.subPath"),
            "must be a relative path without '..'",
        )?;
    }
    let is_sidecar = item["restartPolicy"] == "Always";
    for probe in ["startupProbe", "livenessProbe", "readinessProbe", "lifecycle"] {
        let may_have = !is_init || is_sidecar || item.get(probe).is_none();
        check.that(
            may_have,
            &format!("{at}.{probe}"),
            "may not be set for init containers",
        )?;
    }
    resources(check, at, &item["resources"])
}

fn resources(check: &Check<'_>, at: &str, resources: &Value) -> Result<()> {
    for part in ["requests", "limits"] {
        for (key, value) in resources
            .get(part)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let field = format!("{at}.resources.{part}[{key}]");
            let as_number = |value: &Value| match value {
                Value::Number(number) => parse(&number.to_string()),
                other => other.as_str().and_then(parse),
            };
            let amount = as_number(value);
            check.that(
                amount.is_some_and(|amount| amount >= 0),
                &field,
                "must be a quantity of at least 0",
            )?;
            let limit = resources["limits"].get(key).and_then(as_number);
            let fits = part == "limits" || limit.is_none_or(|limit| amount.unwrap_or(0) <= limit);
            check.that(
                fits,
                &field,
                &format!("must be less than or equal to {key} limit"),
            )?;
        }
    }
    Ok(())
}
