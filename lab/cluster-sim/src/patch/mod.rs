//! The four ways to patch an object.

pub(crate) mod apply;
pub(crate) mod fields;
mod lists;
pub(crate) mod strategic;

use serde_json::Value;

use crate::error::{ApiError, Result};

/// How the body of a PATCH is meant, from its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchKind {
    pub(crate) fn from_content_type(content_type: &str) -> Result<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            other => Err(ApiError::unsupported_media_type(other)),
        }
    }
}

/// Gives `object` with a JSON, merge or strategic patch applied; server-side apply goes through [`apply`].
pub(crate) fn patched(kind: PatchKind, object: &Value, patch: &Value) -> Result<Value> {
    let mut result = object.clone();
    match kind {
        PatchKind::Json => {
            let operations: json_patch::Patch = serde_json::from_value(patch.clone())
                .map_err(|error| ApiError::bad_request(format!("this is not a JSON patch: {error}")))?;
            json_patch::patch(&mut result, &operations).map_err(|error| {
                ApiError::invalid(
                    "patch",
                    crate::object::name(object),
                    "operations",
                    &error.to_string(),
                )
            })?;
        }
        PatchKind::Merge | PatchKind::Strategic if !patch.is_object() => {
            return Err(ApiError::bad_request("the patch must be a JSON object"));
        }
        PatchKind::Merge => json_patch::merge(&mut result, patch),
        PatchKind::Strategic => strategic::merge(&mut result, patch)?,
        PatchKind::Apply => return Err(ApiError::internal("apply is not a plain patch")),
    }
    Ok(result)
}
