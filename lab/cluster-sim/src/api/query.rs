//! What a request says besides its path and body.

use std::collections::HashMap;

use axum::extract::Request;
use http::{HeaderMap, header};

use crate::error::{ApiError, Result};
use crate::patch::PatchKind;
use crate::patch::apply::Manager;
use crate::store::create::Write;

/// In which form objects are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Full,
    Table,
    /// Metadata only.
    Partial,
}

#[derive(Debug)]
pub(crate) struct Query {
    values: HashMap<String, String>,
    headers: HeaderMap,
}

impl Query {
    pub(crate) fn of(request: &Request) -> Result<Self> {
        let values = axum::extract::Query::<HashMap<String, String>>::try_from_uri(request.uri())
            .map_err(|error| ApiError::bad_request(error.to_string()))?
            .0;
        Ok(Self {
            values,
            headers: request.headers().clone(),
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "1"))
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>> {
        let read = |text: &str| {
            text.parse()
                .map_err(|_| ApiError::bad_request(format!("{key} must be a number, not {text:?}")))
        };
        self.get(key).map(read).transpose()
    }

    pub(crate) fn watch(&self) -> bool {
        self.flag("watch")
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    fn accept(&self) -> &str {
        self.header(header::ACCEPT)
    }

    pub(crate) fn shape(&self) -> Shape {
        let first = self
            .accept()
            .split(',')
            .find_map(|part| part.split_once("as=").map(|(_, shape)| shape));
        match first.and_then(|shape| shape.split(';').next()) {
            Some("Table") => Shape::Table,
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Shape::Partial,
            _ => Shape::Full,
        }
    }

    /// Gives the version in which aggregated discovery is wanted, the newest of those that are known.
    pub(crate) fn aggregated_discovery(&self) -> Option<&'static str> {
        let is_wanted = |version: &str| {
            self.accept().split(',').any(|part| {
                let has = |parameter: &str| part.split(';').any(|found| found.trim() == parameter);
                has("as=APIGroupDiscoveryList") && has(&format!("v={version}"))
            })
        };
        ["v2", "v2beta1"].into_iter().find(|version| is_wanted(version))
    }

    pub(crate) fn require_json(&self) -> Result<()> {
        let content_type = self.header(header::CONTENT_TYPE);
        if content_type.is_empty() || content_type.starts_with("application/json") {
            return Ok(());
        }
        Err(ApiError::unsupported_media_type(content_type))
    }

    pub(crate) fn patch_kind(&self) -> Result<PatchKind> {
        PatchKind::from_content_type(self.header(header::CONTENT_TYPE))
    }

    /// Tells who writes and how; without `fieldManager` the manager is named after the client.
    pub(crate) fn write(&self) -> Result<Write> {
        let dry_run = match self.get("dryRun") {
            None => false,
            Some("All") => true,
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "dryRun must be All, not {other:?}"
                )));
            }
        };
        let client = self
            .header(header::USER_AGENT)
            .split(['/', ' '])
            .next()
            .unwrap_or_default();
        let client = if client.is_empty() { "unknown" } else { client };
        let name = self.get("fieldManager").unwrap_or(client).to_owned();
        Ok(Write {
            manager: Some(Manager { name, status: false }),
            dry_run,
        })
    }
}
