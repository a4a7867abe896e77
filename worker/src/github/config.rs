//! Where GitHub is, and who we are there.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::{Host, Url};

/// The part of the worker's configuration that concerns GitHub. It holds no secret: the key is read from a file.
#[derive(Clone, Debug, Args)]
pub struct GithubConfig {
    /// Address of the REST API; an Enterprise Server's ends with `/api/v3`.
    #[arg(
        long,
        env = "CODEXK8S_GITHUB_API_URL",
        default_value = "https://api.github.com",
        value_parser = api_url
    )]
    pub github_api_url: Url,

    /// The GitHub App's id or client id.
    #[arg(long, env = "CODEXK8S_GITHUB_APP_ID")]
    pub github_app_id: String,

    /// File with the App's private key (PEM).
    #[arg(long, env = "CODEXK8S_GITHUB_PRIVATE_KEY_FILE")]
    pub github_private_key_file: PathBuf,

    /// Seconds to reach GitHub, name resolution and TLS included.
    #[arg(long, env = "CODEXK8S_GITHUB_CONNECT_TIMEOUT_SECONDS", default_value = "3", value_parser = seconds)]
    pub github_connect_timeout: Duration,

    /// Seconds without a byte from GitHub.
    #[arg(long, env = "CODEXK8S_GITHUB_READ_TIMEOUT_SECONDS", default_value = "10", value_parser = seconds)]
    pub github_read_timeout: Duration,

    /// Seconds without a byte taken by GitHub.
    #[arg(long, env = "CODEXK8S_GITHUB_WRITE_TIMEOUT_SECONDS", default_value = "10", value_parser = seconds)]
    pub github_write_timeout: Duration,

    /// Seconds for one operation with all its requests; below the job queue's 30.
    #[arg(long, env = "CODEXK8S_GITHUB_CALL_DEADLINE_SECONDS", default_value = "20", value_parser = seconds)]
    pub github_call_deadline: Duration,
}

fn api_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        _ => return Err("use https: our tokens travel on it (http only to this machine)".to_owned()),
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err("give the address alone, without user, query or fragment".to_owned());
    }
    Ok(url)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "use a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "use a number of seconds above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        github: GithubConfig,
    }

    fn parse(more: &[&str]) -> Result<GithubConfig, clap::Error> {
        let needed = [
            "worker",
            "--github-app-id",
            "7",
            "--github-private-key-file",
            "/keys/app.pem",
        ];
        Program::try_parse_from(needed.iter().chain(more)).map(|program| program.github)
    }

    #[test]
    fn the_cloud_is_the_default() {
        let config = parse(&[]).expect("enough");
        assert_eq!(config.github_api_url.as_str(), "https://api.github.com/");
        assert_eq!(config.github_call_deadline, Duration::from_secs(20));
    }

    #[rstest]
    #[case::enterprise_server("https://git.example.com/api/v3", true)]
    #[case::simulator("http://127.0.0.1:4010", true)]
    #[case::simulator_by_name("http://github.localhost:4010/api/v3", true)]
    #[case::in_clear("http://git.example.com/api/v3", false)]
    #[case::with_password("https://me:secret@git.example.com", false)]
    #[case::with_query("https://git.example.com?x=1", false)]
    #[case::no_address("git.example.com", false)]
    fn an_address_must_be_safe_for_tokens(#[case] url: &str, #[case] good: bool) {
        assert_eq!(parse(&["--github-api-url", url]).is_ok(), good);
    }

    #[rstest]
    #[case("0.5", true)]
    #[case("0", false)]
    #[case("-1", false)]
    #[case("soon", false)]
    fn a_timeout_is_a_positive_number(#[case] text: &str, #[case] good: bool) {
        let argument = format!("--github-read-timeout={text}");
        assert_eq!(parse(&[&argument]).is_ok(), good);
    }
}
