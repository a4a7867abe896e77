//! Values whose published limits are enforced when they are read: JSON Schema alone checks nothing.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// Text of `MIN` to `MAX` characters.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_inner(self) -> String {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> TryFrom<String> for Text<MIN, MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // PostgreSQL's text holds no NUL: refused here, it is the caller's mistake and not a defect of ours.
        if text.contains('\0') {
            return Err("must not hold the character NUL (U+0000)".to_owned());
        }
        let length = text.chars().count();
        if (MIN..=MAX).contains(&length) {
            Ok(Self(text))
        } else {
            Err(format!("must have {MIN} to {MAX} characters, not {length}"))
        }
    }
}

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> Self {
        text.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": MIN, "maxLength": MAX})
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Count<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Count<MIN, MAX> {
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<const MIN: u64, const MAX: u64> TryFrom<u64> for Count<MIN, MAX> {
    type Error = String;

    fn try_from(count: u64) -> Result<Self, Self::Error> {
        if (MIN..=MAX).contains(&count) {
            Ok(Self(count))
        } else {
            Err(format!("must be from {MIN} to {MAX}, not {count}"))
        }
    }
}

impl<const MIN: u64, const MAX: u64> From<Count<MIN, MAX>> for u64 {
    fn from(count: Count<MIN, MAX>) -> Self {
        count.0
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Count<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Count{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": MIN, "maximum": MAX})
    }
}

/// At most `MAX` items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", into = "Vec<T>")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for List<T, MAX> {
    type Error = String;

    fn try_from(items: Vec<T>) -> Result<Self, Self::Error> {
        if items.len() <= MAX {
            Ok(Self(items))
        } else {
            Err(format!("must have at most {MAX} items, not {}", items.len()))
        }
    }
}

impl<T, const MAX: usize> From<List<T, MAX>> for Vec<T> {
    fn from(list: List<T, MAX>) -> Self {
        list.0
    }
}

impl<T: JsonSchema, const MAX: usize> JsonSchema for List<T, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}UpTo{MAX}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<T>(), "maxItems": MAX})
    }
}

/// Reads a plain field within the limits of a bounded type `B`: `#[serde(deserialize_with = "within::<Text<1, 9>, _, _>")]`,
/// with the schema by `#[schemars(with = "Text<1, 9>")]`. For shapes that are written by one side and checked by the other.
pub fn within<'de, B, T, D>(deserializer: D) -> Result<T, D::Error>
where
    B: Deserialize<'de> + Into<T>,
    D: Deserializer<'de>,
{
    B::deserialize(deserializer).map(Into::into)
}

/// The same for a field that may be left out.
pub fn within_if_any<'de, B, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    B: Deserialize<'de> + Into<T>,
    D: Deserializer<'de>,
{
    let given = Option::<B>::deserialize(deserializer)?;
    Ok(given.map(Into::into))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn limits_are_enforced_and_not_only_published() {
        assert!(from_value::<Text<1, 3>>(json!("äöü")).is_ok());
        for bad in ["", "abcd"] {
            let error = from_value::<Text<1, 3>>(json!(bad)).unwrap_err().to_string();
            assert!(error.contains("must have 1 to 3 characters"), "{error}");
        }
        let error = from_value::<Text<1, 3>>(json!("a\0b")).unwrap_err().to_string();
        assert!(error.contains("NUL"), "{error}");
        assert!(from_value::<Count<1, 100>>(json!(100)).is_ok());
        for bad in [json!(0), json!(101), json!(-1), json!(1.5)] {
            assert!(from_value::<Count<1, 100>>(bad).is_err());
        }
        assert!(from_value::<List<u8, 2>>(json!([1, 2])).is_ok());
        assert!(from_value::<List<u8, 2>>(json!([1, 2, 3])).is_err());
    }

    #[derive(Deserialize)]
    struct Plain {
        #[serde(deserialize_with = "within::<Text<1, 3>, _, _>")]
        name: String,
        #[serde(default, deserialize_with = "within_if_any::<Text<1, 3>, _, _>")]
        nick: Option<String>,
        #[serde(default, deserialize_with = "within::<List<u8, 1>, _, _>")]
        items: Vec<u8>,
    }

    #[test]
    fn plain_fields_are_read_within_limits() {
        let read = |value| from_value::<Plain>(value);
        let good = read(json!({"name": "a", "nick": null})).unwrap();
        assert_eq!((good.name.as_str(), good.nick, good.items), ("a", None, vec![]));
        for bad in [
            json!({"name": "abcd"}),
            json!({"name": "a\0"}),
            json!({"name": "a", "nick": ""}),
            json!({"name": "a", "items": [1, 2]}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
