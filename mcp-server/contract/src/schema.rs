//! JSON Schemas as clients can read them: inlined, without formats that validators do not know, optional fields plain.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// The schema of what a tool accepts.
pub fn input<T: JsonSchema>() -> Map<String, Value> {
    object::<T>(settings())
}

/// The schema of what a tool answers.
pub fn output<T: JsonSchema>() -> Map<String, Value> {
    object::<T>(settings().for_serialize())
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.transforms.push(Box::new(Plain));
    })
}

fn object<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The name and the comment of the Rust type say nothing that the tool's own do not.
    schema.remove("title");
    schema.remove("description");
    let object = schema.as_object().cloned().unwrap_or_default();
    assert_eq!(
        object.get("type"),
        Some(&Value::from("object")),
        "a tool takes and answers objects"
    );
    object
}

/// Drops number formats, and `null` from fields that may be left out. A required field keeps its `null`: there it is
/// the truth.
#[derive(Clone)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(schema) = schema.as_object_mut() else {
            return;
        };
        let is_number_format = |format: &Value| {
            format.as_str().is_some_and(|format| {
                ["uint", "int", "float", "double"]
                    .iter()
                    .any(|p| format.starts_with(p))
            })
        };
        if schema.get("format").is_some_and(is_number_format) {
            schema.remove("format");
        }
        let required = schema.get("required").cloned();
        let is_required = |name: &str| {
            required
                .as_ref()
                .and_then(Value::as_array)
                .is_some_and(|names| names.iter().any(|n| n == name))
        };
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
                if let Value::Object(property) = property {
                    without_null(property);
                }
            }
        }
    }
}

fn without_null(schema: &mut Map<String, Value>) {
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(mut choices)) = schema.remove("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
    match choices.as_slice() {
        [Value::Object(only)] => {
            for (key, value) in only {
                schema.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        _ => {
            schema.insert("anyOf".into(), choices.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Thing {
        /// How many.
        count: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        word: Option<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<u64>,
        inner: Option<Inner>,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Inner {
        name: String,
    }

    #[test]
    fn optional_fields_are_plain_and_formats_are_gone() {
        let expected = json!({
            "type": "object",
            "properties": {
                "count": {"type": "integer", "minimum": 0, "description": "How many."},
                "word": {"type": "string", "enum": ["one", "two"]},
                "times": {"type": "integer", "minimum": 0},
                "inner": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
            },
            "required": ["count"],
        });
        assert_eq!(Value::Object(input::<Thing>()), expected);
    }

    #[test]
    fn a_field_that_is_written_as_null_is_not_hidden() {
        let schema = output::<Thing>();
        assert_eq!(schema["required"], json!(["count", "inner"]));
        assert_eq!(schema["properties"]["inner"]["type"], json!(["object", "null"]));
        assert_eq!(
            schema["properties"]["times"],
            json!({"type": "integer", "minimum": 0})
        );
    }
}
