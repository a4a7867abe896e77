//! A container's environment, command and arguments.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::admission::quantity;
use crate::kinds::{Kind, named};
use crate::object::{flag, list, name, namespace, text, uid};
use crate::store::State;

/// Why a container cannot be made, for `CreateContainerConfigError`.
pub(super) type Result<T> = std::result::Result<T, String>;

pub(super) type Env = BTreeMap<String, String>;

/// Gives the environment: the image's, then `envFrom`, then `env`, with `$(NAME)` expanded.
pub(super) fn build(
    state: &State,
    pod: &Value,
    container: &Value,
    image: &[(String, String)],
) -> Result<Env> {
    let mut env = Env::from([
        (
            "PATH".to_owned(),
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        ),
        ("HOME".to_owned(), "/".to_owned()),
        ("HOSTNAME".to_owned(), name(pod).to_owned()),
    ]);
    env.extend(image.iter().cloned());
    for source in list(container, "/envFrom") {
        let prefix = text(source, "/prefix");
        for (key, kind) in [("secretRef", "Secret"), ("configMapRef", "ConfigMap")] {
            let Some(reference) = source.get(key) else {
                continue;
            };
            for (key, value) in data(state, named(kind), namespace(pod), reference)?
                .into_iter()
                .flatten()
            {
                env.insert(
                    format!("{prefix}{key}"),
                    String::from_utf8_lossy(&value).into_owned(),
                );
            }
        }
    }
    for entry in list(container, "/env") {
        let value = match entry.get("valueFrom") {
            Some(source) => from_source(state, pod, container, source)?,
            None => Some(expand(text(entry, "/value"), &env)),
        };
        if let Some(value) = value {
            env.insert(text(entry, "/name").to_owned(), value);
        }
    }
    Ok(env)
}

fn from_source(state: &State, pod: &Value, container: &Value, source: &Value) -> Result<Option<String>> {
    for (key, kind) in [("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")] {
        let Some(reference) = source.get(key) else {
            continue;
        };
        let Some(data) = data(state, named(kind), namespace(pod), reference)? else {
            return Ok(None);
        };
        let wanted = text(reference, "/key");
        return match data.get(wanted) {
            Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
            None if flag(reference, "/optional") => Ok(None),
            None => Err(format!(
                "couldn't find key {wanted} in {kind} {}/{}",
                namespace(pod),
                text(reference, "/name")
            )),
        };
    }
    if let Some(reference) = source.get("fieldRef") {
        return field(pod, text(reference, "/fieldPath")).map(Some);
    }
    if let Some(reference) = source.get("resourceFieldRef") {
        let resource = text(reference, "/resource");
        let (part, key) = resource.split_once('.').unwrap_or(("limits", resource));
        let amount = container["resources"][part][key]
            .as_str()
            .and_then(quantity::parse)
            .unwrap_or(0);
        return Ok(Some(quantity::units(amount).to_string()));
    }
    Err("the simulator knows secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef".to_owned())
}

/// Gives a field of the pod, as the downward API names it.
pub(super) fn field(pod: &Value, path: &str) -> Result<String> {
    if let Some((part, key)) = path.split_once("['") {
        let key = key.strip_suffix("']").unwrap_or(key);
        let part = part.strip_prefix("metadata.").unwrap_or(part);
        return Ok(pod["metadata"][part][key].as_str().unwrap_or_default().to_owned());
    }
    Ok(match path {
        "metadata.name" => name(pod).to_owned(),
        "metadata.namespace" => namespace(pod).to_owned(),
        "metadata.uid" => uid(pod).to_owned(),
        "spec.nodeName" => text(pod, "/spec/nodeName").to_owned(),
        "spec.serviceAccountName" => text(pod, "/spec/serviceAccountName").to_owned(),
        "status.podIP" | "status.podIPs" | "status.hostIP" | "status.hostIPs" => "127.0.0.1".to_owned(),
        "metadata.labels" | "metadata.annotations" => {
            let part = path.trim_start_matches("metadata.");
            let lines = pod["metadata"][part].as_object().into_iter().flatten();
            lines
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join("\n")
        }
        other => return Err(format!("the field path {other} is not offered")),
    })
}

/// Gives the keys of a Secret or `ConfigMap`; `None` if it is missing and may be.
pub(super) fn data(
    state: &State,
    kind: &'static Kind,
    space: &str,
    reference: &Value,
) -> Result<Option<BTreeMap<String, Vec<u8>>>> {
    let wanted = [text(reference, "/name"), text(reference, "/secretName")].concat();
    let Some(object) = state.get(kind, space, &wanted) else {
        if flag(reference, "/optional") {
            return Ok(None);
        }
        return Err(format!("{} \"{wanted}\" not found", kind.name.to_lowercase()));
    };
    let mut data = BTreeMap::new();
    for (part, is_encoded) in [("data", kind.is("Secret")), ("binaryData", true)] {
        for (key, value) in object.get(part).and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let value = if is_encoded {
                STANDARD.decode(value).unwrap_or_default()
            } else {
                value.into()
            };
            data.insert(key.clone(), value);
        }
    }
    Ok(Some(data))
}

/// Replaces `$(NAME)` by its value; `$$(NAME)` stands for itself, an unknown name stays.
pub(super) fn expand(text: &str, env: &Env) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(index) = rest.find('$') {
        result.push_str(&rest[..index]);
        rest = &rest[index..];
        if let Some(after) = rest.strip_prefix("$$") {
            result.push('$');
            rest = after;
            continue;
        }
        let value = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        if let Some((value, after)) = value.and_then(|(name, after)| Some((env.get(name)?, after))) {
            result.push_str(value);
            rest = after;
        } else {
            result.push('$');
            rest = &rest[1..];
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::{Env, expand};

    #[test]
    fn references_are_expanded_once() {
        let env = Env::from([("A".to_owned(), "one$(A)".to_owned())]);
        assert_eq!(expand("x $(A) $(B) $$(A) $", &env), "x one$(A) $(B) $(A) $");
    }
}
