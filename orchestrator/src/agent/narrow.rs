//! What a repository takes away from its agents, by a file on its default branch. All it can say is "at most": whatever is
//! more than the profile allows counts for nothing and is told; a file that cannot be understood lets no run start.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;
use serde::{Deserialize, Serialize};

use super::check::{self, check_stage};
use super::profile::{EVERY_PATH, Profile};
use crate::credential::TOOLSETS;
use crate::trigger::EFFORTS;

/// Where the file is.
pub const AGENTS_FILE: &str = ".codex-k8s/agents.yaml";
/// Bytes of it.
const MAX_FILE_BYTES: usize = 64 * 1024;
const MAX_MODELS: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    /// For every stage.
    #[serde(default)]
    all: Limits,
    #[serde(default)]
    stages: BTreeMap<String, Limits>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    write: Write,
    active_seconds: Option<i64>,
    cost_micro_usd: Option<i64>,
    models: Option<Vec<String>>,
    effort: Option<String>,
    toolsets: Option<Vec<String>>,
    read_only: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Write {
    include: Option<Vec<String>>,
    exclude: Vec<String>,
}

/// What is taken away from a profile, as a run keeps it. The default takes nothing away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Narrowing {
    /// The commit whose file said so; none where there is no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// In the place of the profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_include: Option<Vec<String>>,
    /// Beside the profile's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write_exclude: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<i64>,
    /// What one run may cost, in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<i64>,
    /// These models alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// At most so much of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Of the agent's tools these groups alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toolsets: Option<Vec<String>>,
    /// Of the agent's tools those alone that change nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// What the file says and does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Reads the file, and says what it takes away from a profile.
///
/// # Errors
///
/// Why the file cannot be understood, or that it leaves nothing to work with.
pub fn narrow(profile: &Profile, text: &str) -> Result<Narrowing, String> {
    if text.len() > MAX_FILE_BYTES {
        return Err(format!("it may have {MAX_FILE_BYTES} bytes"));
    }
    let mut file: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    if file.version != 1 {
        return Err(format!("version: 1 is the one there is, not {}", file.version));
    }
    file.stages.keys().try_for_each(|name| check_stage(name))?;
    let of_stage = file.stages.remove(&profile.stage).unwrap_or_default();
    let mut narrowing = Narrowing::default();
    for limits in [&file.all, &of_stage] {
        limits.check()?;
        narrowing.take(profile, limits)?;
    }
    Ok(narrowing)
}

impl Limits {
    fn check(&self) -> Result<(), String> {
        let include = self.write.include.as_deref().unwrap_or_default();
        let globs = check::globs("write.include", include)
            .or_else(|| check::globs("write.exclude", &self.write.exclude));
        if let Some(fault) = globs {
            return Err(fault);
        }
        if self.active_seconds.is_some_and(|seconds| seconds <= 0) {
            return Err("active_seconds: must be above 0".into());
        }
        if self.cost_micro_usd.is_some_and(|cost| cost < 0) {
            return Err("cost_micro_usd: must not be below 0".into());
        }
        if let Some(effort) = &self.effort
            && rank(effort).is_none()
        {
            return Err(format!("effort: {effort:?} is none of {}", EFFORTS.join(", ")));
        }
        if self
            .models
            .as_ref()
            .is_some_and(|models| models.len() > MAX_MODELS)
        {
            return Err(format!("models: at most {MAX_MODELS}"));
        }
        let toolsets = self.toolsets.iter().flatten();
        match toolsets
            .into_iter()
            .find(|word| !TOOLSETS.contains(&word.as_str()))
        {
            Some(word) => Err(format!("toolsets: {word:?} is none of {}", TOOLSETS.join(", "))),
            None => Ok(()),
        }
    }
}

impl Narrowing {
    fn take(&mut self, profile: &Profile, limits: &Limits) -> Result<(), String> {
        if let Some(wanted) = &limits.write.include {
            self.include(profile, wanted)?;
        }
        self.write_exclude.extend_from_slice(&limits.write.exclude);
        if let Some(seconds) = limits.active_seconds
            && profile.active_seconds.is_some_and(|own| own < seconds)
        {
            self.notes
                .push(format!("active_seconds {seconds} is more than the profile's"));
        }
        self.active_seconds = lower(self.active_seconds, limits.active_seconds);
        self.cost_micro_usd = lower(self.cost_micro_usd, limits.cost_micro_usd);
        self.models = both(self.models.take(), limits.models.clone());
        if let Some(models) = &self.models
            && models.is_empty()
        {
            return Err("models: none is left that all parts of the file allow".into());
        }
        self.effort = at_most(self.effort.take(), limits.effort.clone());
        if let (Some(own), Some(cap)) = (&profile.effort, &limits.effort)
            && rank(cap) > rank(own)
        {
            self.notes
                .push(format!("effort {cap} is more than the profile's {own}"));
        }
        self.toolsets = both(self.toolsets.take(), limits.toolsets.clone());
        self.read_only |= limits.read_only;
        Ok(())
    }

    /// Of the wanted globs those that are surely within what is allowed so far.
    fn include(&mut self, profile: &Profile, wanted: &[String]) -> Result<(), String> {
        let allowed = self.write_include.as_ref().unwrap_or(&profile.write_include);
        let (kept, widening): (Vec<_>, Vec<_>) = wanted
            .iter()
            .cloned()
            .partition(|glob| allowed.is_empty() || allowed.iter().any(|outer| is_within(glob, outer)));
        let told = widening
            .iter()
            .map(|glob| format!("write.include {glob:?} is not within {allowed:?}"));
        self.notes.extend(told);
        if kept.is_empty() {
            // An empty list would mean every path.
            return Err(format!(
                "write.include: nothing of {wanted:?} is within what the profile allows; to forbid every change write \
                 exclude: [\"{EVERY_PATH}\"]"
            ));
        }
        self.write_include = Some(kept);
        Ok(())
    }

    /// What is left of a profile.
    #[must_use]
    pub fn apply(&self, profile: Profile) -> Profile {
        // Said before the globs change: a file that names a protected path unlocks nothing.
        let mut write_exclude = profile.excluded();
        write_exclude.extend_from_slice(&self.write_exclude);
        let write_exclude = if self.write_include.is_some() || !self.write_exclude.is_empty() {
            without_repeats(write_exclude)
        } else {
            profile.write_exclude
        };
        Profile {
            write_exclude,
            write_include: self.write_include.clone().unwrap_or(profile.write_include),
            active_seconds: lower(self.active_seconds, profile.active_seconds),
            ..profile
        }
    }

    /// The effort that a run gets which would have this one.
    pub fn effort(&self, chosen: Option<String>) -> Option<String> {
        at_most(chosen, self.effort.clone())
    }

    /// Why a run with this model may not start.
    ///
    /// # Errors
    ///
    /// Names the models that are left.
    pub fn check_model(&self, model: Option<&str>) -> Result<(), String> {
        let Some(models) = &self.models else { return Ok(()) };
        if model.is_some_and(|model| models.iter().any(|left| left == model)) {
            return Ok(());
        }
        let model = model.map_or_else(|| "no model".to_owned(), |model| format!("the model {model}"));
        Err(format!(
            "the repository allows only {}, and this run would work with {model}",
            models.join(", ")
        ))
    }
}

fn without_repeats(globs: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    globs
        .into_iter()
        .filter(|glob| seen.insert(glob.clone()))
        .collect()
}

/// What both lists allow; no list allows all.
fn both(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.into_iter().filter(|word| other.contains(word)).collect()),
        (one, other) => one.or(other),
    }
}

fn lower(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn rank(effort: &str) -> Option<usize> {
    EFFORTS.iter().position(|word| *word == effort)
}

fn at_most(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if rank(&one) <= rank(&other) { one } else { other }),
        (one, other) => one.or(other),
    }
}

/// Whether all that `inner` matches is surely matched by `outer`, both read as in `.gitignore`. What cannot be told by the
/// look of the globs is not within.
fn is_within(inner: &str, outer: &str) -> bool {
    let (inner, outer) = (pattern(inner), pattern(outer));
    if inner == outer || outer == "**/**" || outer == EVERY_PATH {
        return true;
    }
    let folder = outer.strip_suffix("/**").unwrap_or(&outer);
    if is_plain(folder)
        && inner
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    {
        return true;
    }
    if is_plain(&inner) {
        return matches(&outer, &inner);
    }
    let last = |glob: &str| glob.rsplit('/').next().map(str::to_owned);
    // `*.md` at any depth holds `docs/**/*.md`; braces and classes could hide a slash in the last part.
    outer
        .strip_prefix("**/")
        .is_some_and(|name| !name.contains('/') && last(&inner).as_deref() == Some(name) && is_simple(&inner))
}

/// A glob as it counts from the root.
fn pattern(glob: &str) -> String {
    let body = glob.trim_end_matches('/');
    match body.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None if body.contains('/') => body.to_owned(),
        None => format!("**/{body}"),
    }
}

fn is_plain(glob: &str) -> bool {
    !glob.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

fn is_simple(glob: &str) -> bool {
    !glob.contains(['[', ']', '{', '}', '\\'])
}

fn matches(glob: &str, path: &str) -> bool {
    let built = GlobBuilder::new(glob)
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    built.is_ok_and(|glob| glob.compile_matcher().is_match(path))
}

#[cfg(test)]
mod tests;
