//! What a profile may say: everything that is wrong with one at once, each fault by its field.

use super::profile::{Adapter, Profile};
use super::stage::{STAGES, stage};
use crate::trigger::EFFORTS;

/// Globs of one list.
pub const MAX_GLOBS: usize = 100;
const MAX_GLOB_BYTES: usize = 300;
/// Words of a command, and settings of an environment.
pub const MAX_WORDS: usize = 100;
const MAX_WORD_BYTES: usize = 4096;
/// Seconds that a profile may limit its runs to.
const ACTIVE_SECONDS: std::ops::RangeInclusive<i64> = 60..=604_800;

/// Checks all but whether the model is in the catalogue.
///
/// # Errors
///
/// Every fault, one after another.
pub fn check(profile: &Profile) -> Result<(), String> {
    let faults: Vec<String> = [
        check_stage(&profile.stage).err(),
        command(profile),
        environment(profile),
        profile.effort.as_deref().and_then(effort),
        globs("write_include", &profile.write_include),
        globs("write_exclude", &profile.write_exclude),
        profile.runtime_class.as_deref().and_then(runtime_class),
        quantity("cpu", &profile.cpu, &["m", ""], "500m or 2"),
        quantity(
            "memory",
            &profile.memory,
            &["Ki", "Mi", "Gi", "Ti"],
            "512Mi or 4Gi",
        ),
        profile.active_seconds.and_then(active_seconds),
    ]
    .into_iter()
    .flatten()
    .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("; "))
    }
}

/// Whether there is such a stage.
///
/// # Errors
///
/// Names those there are.
pub fn check_stage(name: &str) -> Result<(), String> {
    if stage(name).is_some() {
        return Ok(());
    }
    let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
    Err(format!(
        "there is no stage {name:?}; the stages are {}",
        names.join(", ")
    ))
}

fn command(profile: &Profile) -> Option<String> {
    let words = &profile.command;
    if words.len() > MAX_WORDS || words.iter().any(|word| word.len() > MAX_WORD_BYTES) {
        return Some(format!(
            "command: at most {MAX_WORDS} words of {MAX_WORD_BYTES} bytes"
        ));
    }
    (profile.adapter == Adapter::Command && words.is_empty())
        .then(|| "the command adapter needs a command: the program and its arguments".to_owned())
}

fn environment(profile: &Profile) -> Option<String> {
    let is_name = |name: &str| {
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
        name.len() <= 100 && name.starts_with(begins) && name.chars().all(|c| begins(c) || c.is_ascii_digit())
    };
    let settings = &profile.environment;
    if settings.len() > MAX_WORDS || settings.values().any(|value| value.len() > MAX_WORD_BYTES) {
        return Some(format!(
            "environment: at most {MAX_WORDS} settings of {MAX_WORD_BYTES} bytes"
        ));
    }
    let bad = settings.keys().find(|name| !is_name(name))?;
    Some(format!(
        "environment: {bad:?} is no name of a variable: letters, digits and _, not beginning with a digit"
    ))
}

fn effort(effort: &str) -> Option<String> {
    (!EFFORTS.contains(&effort)).then(|| format!("there is no effort {effort:?}; use {}", EFFORTS.join(", ")))
}

/// A glob that does not parse would allow and exclude nothing.
pub(super) fn globs(field: &str, globs: &[String]) -> Option<String> {
    if globs.len() > MAX_GLOBS {
        return Some(format!("{field}: at most {MAX_GLOBS} globs"));
    }
    globs.iter().find_map(|glob| {
        if glob.trim_matches('/').is_empty() || glob.len() > MAX_GLOB_BYTES {
            return Some(format!(
                "{field}: a glob has 1 to {MAX_GLOB_BYTES} bytes besides slashes"
            ));
        }
        let error = globset::Glob::new(glob).err()?;
        Some(format!("{field}: the glob {glob:?} does not parse: {error}"))
    })
}

fn runtime_class(name: &str) -> Option<String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let fine = name.len() <= 253
        && name.bytes().all(inner)
        && edge(name.bytes().next())
        && edge(name.bytes().last());
    (!fine).then(|| format!("runtime_class: {name:?} is no name of a RuntimeClass: a-z, 0-9, - and ."))
}

fn quantity(field: &str, text: &str, units: &[&str], example: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let above_zero = number.parse::<u32>().is_ok_and(|number| number > 0);
    (!above_zero || !units.contains(&unit))
        .then(|| format!("{field}: {text:?} is no amount of it; write it like {example}"))
}

fn active_seconds(seconds: i64) -> Option<String> {
    (!ACTIVE_SECONDS.contains(&seconds)).then(|| {
        format!(
            "active_seconds: from {} to {}",
            ACTIVE_SECONDS.start(),
            ACTIVE_SECONDS.end()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::profile::Output;
    use super::*;

    #[test]
    fn every_fault_is_told_by_its_field() {
        let mut profile = Profile::codex("dev", Output::PullRequest);
        assert_eq!(check(&profile), Ok(()));
        profile.stage = "devel".into();
        profile.adapter = Adapter::Command;
        profile.environment.insert("1ST".into(), "x".into());
        profile.effort = Some("enormous".into());
        profile.write_include = vec!["src/[".into()];
        profile.write_exclude = vec!["/".into()];
        profile.runtime_class = Some("gVisor".into());
        profile.cpu = "0".into();
        profile.memory = "4".into();
        profile.active_seconds = Some(1);
        let faults = check(&profile).unwrap_err();
        insta::assert_snapshot!(faults.replace("; ", ";\n"));
    }

    #[rstest::rstest]
    #[case("2", "4Gi", true)]
    #[case("500m", "512Mi", true)]
    #[case("1.5", "4Gi", false)]
    #[case("2k", "4Gi", false)]
    #[case("-1", "4Gi", false)]
    #[case("", "4Gi", false)]
    #[case("2", "4G", false)]
    #[case("2", "0Gi", false)]
    #[case("2", "99999999999Gi", false)]
    fn amounts_are_what_a_cluster_understands(#[case] cpu: &str, #[case] memory: &str, #[case] fine: bool) {
        let mut profile = Profile::codex("dev", Output::PullRequest);
        (profile.cpu, profile.memory) = (cpu.into(), memory.into());
        assert_eq!(check(&profile).is_ok(), fine);
    }
}
