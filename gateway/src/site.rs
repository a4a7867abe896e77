//! The platform's public address, and what follows from it.

use anyhow::ensure;
use url::{Host, Url};

/// Where browsers find the platform.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    url: Url,
    origin: String,
}

impl Site {
    /// # Errors
    ///
    /// The address is no whole origin, or not https where others could listen.
    pub(crate) fn new(url: Url) -> anyhow::Result<Self> {
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        ensure!(
            url.scheme() == "https" || (url.scheme() == "http" && is_loopback),
            "the public URL {url} must be https; http is for loopback alone"
        );
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        ensure!(
            is_bare && url.username().is_empty() && url.password().is_none(),
            "the public URL {url} must be a scheme and a host, and nothing after it"
        );
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            url,
        })
    }

    /// As a browser writes it into `Origin`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// As a client writes it into `Host`.
    pub(crate) fn authority(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or("", |(_, authority)| authority)
    }

    pub(crate) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// An address of this site.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The audience of people's tokens.
    pub(crate) fn audience(&self) -> String {
        self.at("/mcp")
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// A cookie's name. Browsers take one with the prefix only over https and for this host alone; over plain http, where
    /// they tell no ports apart, the port keeps two labs apart.
    pub(crate) fn cookie_name(&self, name: &str) -> String {
        if self.is_secure() {
            format!("__Host-{name}")
        } else {
            format!("{name}-{}", self.url.port_or_known_default().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://codex-k8s.example", true)]
    #[case("https://codex-k8s.example:8443/", true)]
    #[case("http://127.0.0.1:8080", true)]
    #[case("http://[::1]:8080", true)]
    #[case("http://localhost:8080", true)]
    #[case("http://codex-k8s.example", false)]
    #[case("http://127.0.0.1.example", false)]
    #[case("https://codex-k8s.example/console", false)]
    #[case("https://user@codex-k8s.example", false)]
    #[case("ftp://127.0.0.1", false)]
    fn a_site_is_https_or_on_this_machine(#[case] url: &str, #[case] fits: bool) {
        assert_eq!(Site::new(url.parse().unwrap()).is_ok(), fits, "{url}");
    }

    #[test]
    fn a_site_names_its_cookies_and_audience() {
        let site = Site::new("https://Codex-K8s.example:443".parse().unwrap()).unwrap();
        assert_eq!(site.origin(), "https://codex-k8s.example");
        assert_eq!(site.authority(), "codex-k8s.example");
        assert_eq!(site.audience(), "https://codex-k8s.example/mcp");
        assert_eq!(site.cookie_name("session"), "__Host-session");
        let lab = Site::new("http://127.0.0.1:8080".parse().unwrap()).unwrap();
        assert_eq!(lab.cookie_name("session"), "session-8080");
    }
}
