//! One log line per event, on standard error.

use std::fmt;
use std::str::FromStr;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line, for a cluster.
    #[default]
    Json,
    /// For a person at a terminal.
    Text,
}

impl FromStr for LogFormat {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => anyhow::bail!("unknown log format `{other}`: use `json` or `text`"),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Text => "text",
        })
    }
}

/// Levels of libraries that are loud, or that print headers (and so tokens) when a person asks for more of everything.
/// Only naming such a library in `RUST_LOG` lifts its limit.
const LIMITS: [(&str, &str); 6] = [
    ("rmcp", "rmcp=warn"),
    ("hyper", "hyper=info"),
    ("hyper_util", "hyper_util=info"),
    ("h2", "h2=info"),
    ("reqwest", "reqwest=info"),
    ("rustls", "rustls=info"),
];

/// Begins to log for the whole process: `info` and above, or what `RUST_LOG` says.
///
/// # Errors
///
/// `RUST_LOG` does not parse, or the process already logs elsewhere.
pub fn init_tracing(service: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()
        .context("RUST_LOG is not a list of `target=level`; correct or unset it")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(limited(filter)?)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init(),
        LogFormat::Text => builder.try_init(),
    }
    .map_err(|error| anyhow::anyhow!("logging was already set up in this process: {error}"))?;
    tracing::info!(service, version = env!("CARGO_PKG_VERSION"), "starting");
    Ok(())
}

fn limited(mut filter: EnvFilter) -> anyhow::Result<EnvFilter> {
    let asked = filter.to_string();
    let named = |target: &str| {
        asked
            .split(',')
            .any(|directive| directive.split(['=', '[', ':']).next() == Some(target))
    };
    for (target, limit) in LIMITS {
        if !named(target) {
            filter = filter.add_directive(limit.parse()?);
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::by_default("info", "rmcp=warn", true)]
    #[case::more_of_everything("trace", "h2=info", true)]
    #[case::asked_by_name("info,rmcp=debug", "rmcp=warn", false)]
    #[case::asked_for_a_module("info,rmcp::service=debug", "rmcp=warn", false)]
    #[case::another_with_the_same_beginning("info,rmcp_more=debug", "rmcp=warn", true)]
    fn loud_libraries_are_limited_unless_named(
        #[case] asked: &str,
        #[case] limit: &str,
        #[case] expected: bool,
    ) {
        let filter = limited(EnvFilter::new(asked)).expect("the limits parse");
        let has = filter.to_string().split(',').any(|directive| directive == limit);
        assert_eq!(has, expected, "{filter}");
    }

    #[test]
    fn a_format_is_read_as_it_is_printed() {
        for format in [LogFormat::Json, LogFormat::Text] {
            assert_eq!(format.to_string().parse::<LogFormat>().expect("known"), format);
        }
        let error = "xml".parse::<LogFormat>().expect_err("unknown");
        assert!(error.to_string().contains("`json` or `text`"));
    }

    #[test]
    fn a_second_set_up_is_refused() {
        init_tracing("test", LogFormat::Text).expect("the first");
        let error = init_tracing("test", LogFormat::Json).expect_err("the second");
        assert!(error.to_string().contains("already"));
    }
}
