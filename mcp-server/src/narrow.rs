//! What is taken away of a caller's tools: by its token, and by what it asks for: `?toolsets=runs,slots&read_only=true`.
//! Both take away and neither adds; naming toolsets also lists all of their tools, and not the usual ones alone.

use orchestrator::credential::Narrowing;
use url::form_urlencoded;

use crate::tool::{Access, Effect};

/// A group of tools, by what they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Toolset {
    #[default]
    Access,
    Agents,
    Knowledge,
    Operations,
    Repositories,
    Runs,
    Slots,
    /// What the two sides of a runner say about their own turn.
    Turn,
}

impl Toolset {
    pub(crate) const ALL: [Self; 8] = [
        Self::Access,
        Self::Agents,
        Self::Knowledge,
        Self::Operations,
        Self::Repositories,
        Self::Runs,
        Self::Slots,
        Self::Turn,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Agents => "agents",
            Self::Knowledge => "knowledge",
            Self::Operations => "operations",
            Self::Repositories => "repositories",
            Self::Runs => "runs",
            Self::Slots => "slots",
            Self::Turn => "turn",
        }
    }
}

/// A narrowing of one request. The default takes nothing away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Narrow {
    toolsets: Option<Vec<Toolset>>,
    read_only: bool,
}

impl Narrow {
    /// Reads a request's query. Other parameters are somebody else's.
    ///
    /// # Errors
    ///
    /// What the caller should write instead.
    pub(crate) fn read(query: Option<&str>) -> Result<Self, String> {
        let mut narrow = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "toolsets" => {
                    let named = narrow.toolsets.get_or_insert_default();
                    if value == "all" {
                        named.extend(Toolset::ALL);
                        continue;
                    }
                    for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                        named.push(toolset(word)?);
                    }
                }
                "read_only" => {
                    narrow.read_only = match &*value {
                        "true" | "1" | "" => true,
                        "false" | "0" => false,
                        _ => return Err("read_only is true or false".to_owned()),
                    };
                }
                _ => {}
            }
        }
        Ok(narrow)
    }

    /// What a token takes away. A word that no toolset has leaves nothing.
    pub(crate) fn of_token(narrowing: &Narrowing) -> Self {
        let toolsets = narrowing.toolsets.as_ref();
        Self {
            toolsets: toolsets.map(|words| words.iter().filter_map(|word| toolset(word).ok()).collect()),
            read_only: narrowing.read_only,
        }
    }

    /// What both leave.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        let toolsets = match (self.toolsets, other.toolsets) {
            (Some(one), Some(other)) => Some(
                one.into_iter()
                    .filter(|toolset| other.contains(toolset))
                    .collect(),
            ),
            (one, other) => one.or(other),
        };
        Self {
            toolsets,
            read_only: self.read_only || other.read_only,
        }
    }

    /// Whether toolsets were named: then the list holds all of their tools.
    pub(crate) fn names_toolsets(&self) -> bool {
        self.toolsets.is_some()
    }

    /// Whether a tool is left.
    pub(crate) fn keeps(&self, access: Access) -> bool {
        let named = self.toolsets.as_ref();
        named.is_none_or(|named| named.contains(&access.toolset))
            && (!self.read_only || access.effect == Effect::Read)
    }
}

fn toolset(word: &str) -> Result<Toolset, String> {
    let found = Toolset::ALL.into_iter().find(|toolset| toolset.as_str() == word);
    found.ok_or_else(|| {
        let known = Toolset::ALL.map(Toolset::as_str).join(", ");
        format!("there is no toolset {word:?}; there are {known}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_can_name_every_toolset() {
        assert_eq!(
            Toolset::ALL.map(Toolset::as_str),
            orchestrator::credential::TOOLSETS
        );
    }

    #[test]
    fn a_query_takes_away_from_what_the_token_leaves() {
        let token = |words: &[&str], read_only| {
            Narrow::of_token(&Narrowing {
                toolsets: Some(words.iter().map(|&word| word.to_owned()).collect()),
                read_only,
                lockdown: false,
            })
        };
        let read = |query| Narrow::read(Some(query)).unwrap();
        let left = token(&["runs", "slots"], true).and(read("toolsets=slots,access&read_only=false"));
        assert_eq!(left.toolsets, Some(vec![Toolset::Slots]));
        assert!(left.read_only);
        assert_eq!(
            token(&["runs"], false).and(read("toolsets=all")).toolsets,
            Some(vec![Toolset::Runs])
        );
        assert_eq!(
            token(&["runs"], false).and(Narrow::default()).toolsets,
            Some(vec![Toolset::Runs])
        );
        assert_eq!(token(&["of_tomorrow"], false).toolsets, Some(vec![]));
        assert_eq!(
            Narrow::of_token(&Narrowing::default()).and(read("read_only")),
            read("read_only")
        );
    }

    #[test]
    fn a_query_names_what_is_left() {
        let read = |query| Narrow::read(Some(query));
        assert_eq!(Narrow::read(None), Ok(Narrow::default()));
        assert_eq!(read("x=1"), Ok(Narrow::default()));
        let both = read("toolsets=runs,slots&read_only=true").unwrap();
        assert_eq!(both.toolsets, Some(vec![Toolset::Runs, Toolset::Slots]));
        assert!(both.read_only);
        assert_eq!(read("toolsets=runs%2Cslots&read_only"), Ok(both));
        assert_eq!(read("toolsets=").unwrap().toolsets, Some(vec![]));
        let error = read("toolsets=run").unwrap_err();
        assert!(error.contains("there are access, agents, "), "{error}");
        assert!(read("read_only=maybe").is_err());
    }
}
