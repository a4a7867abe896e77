//! The two tokens of the turn: read from the mounted files, kept fresh, never shown.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contract::runner::RunTokens;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

/// Refreshed tokens on the private volume, so that a restarted supervisor does not begin with expired ones.
const FILE: &str = "tokens.json";
/// Assumed lifetime of a token whose expiry cannot be read.
const UNKNOWN_LIFETIME_SECONDS: i64 = 1800;

/// The current tokens, shared by everything that calls the platform.
#[derive(Clone)]
pub(crate) struct Tokens {
    current: Arc<RwLock<Pair>>,
    file: PathBuf,
}

#[derive(Clone)]
struct Pair {
    supervisor: SecretString,
    agent: SecretString,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    supervisor_token: String,
    agent_token: String,
}

impl Tokens {
    /// Reads the refreshed tokens, else the mounted ones.
    pub(crate) fn load(secret_dir: &Path, private_dir: &Path) -> io::Result<Self> {
        let file = private_dir.join(FILE);
        let stored = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
        let pair = match stored {
            Some(stored) => Pair {
                supervisor: stored.supervisor_token.into(),
                agent: stored.agent_token.into(),
            },
            None => Pair {
                supervisor: mounted(secret_dir, "supervisor-token")?,
                agent: mounted(secret_dir, "agent-token")?,
            },
        };
        Ok(Self {
            current: Arc::new(RwLock::new(pair)),
            file,
        })
    }

    pub(crate) fn supervisor(&self) -> SecretString {
        self.read().supervisor.clone()
    }

    pub(crate) fn agent(&self) -> SecretString {
        self.read().agent.clone()
    }

    /// Takes fresh tokens into use. They are used even if storing them fails.
    pub(crate) fn replace(&self, fresh: RunTokens) -> io::Result<()> {
        let stored = Stored {
            supervisor_token: fresh.supervisor_token,
            agent_token: fresh.agent_token,
        };
        let json = serde_json::to_vec(&stored)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Pair {
            supervisor: stored.supervisor_token.into(),
            agent: stored.agent_token.into(),
        };
        let half = self.file.with_extension("half");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&half)?;
        io::Write::write_all(&mut file, &json)?;
        std::fs::rename(half, &self.file)
    }

    /// How long until the supervisor's token has lived half its life.
    pub(crate) fn until_half_life(&self, now: Timestamp) -> Duration {
        let at = half_life(self.supervisor().expose_secret(), now);
        Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Pair> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a mounted secret file, without the line end an editor adds.
pub(crate) fn mounted(secret_dir: &Path, name: &str) -> io::Result<SecretString> {
    let path = secret_dir.join(name);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    Ok(text.trim().into())
}

/// The key of the model, bound to the one place it may be sent to.
#[derive(Clone)]
pub(crate) struct ModelKey {
    pub(crate) key: SecretString,
    host: Option<Url>,
}

impl ModelKey {
    /// Reads the mounted key and its host; none if there is no key.
    pub(crate) fn load(secret_dir: &Path) -> Option<Self> {
        let key = mounted(secret_dir, "model-key").ok()?;
        let host = mounted(secret_dir, "model-key-host").ok();
        Some(Self {
            key,
            host: host.and_then(|host| host.expose_secret().parse().ok()),
        })
    }

    /// Whether `address` has the scheme, the host and the port the key is for.
    pub(crate) fn may_go_to(&self, address: &str) -> bool {
        let address = address.parse::<Url>().ok();
        let host = self.host.as_ref();
        host.zip(address)
            .is_some_and(|(host, address)| host.origin().is_tuple() && host.origin() == address.origin())
    }

    /// The place the key is for, as a person says it.
    pub(crate) fn host(&self) -> String {
        let host = self.host.as_ref();
        host.map_or_else(
            || "no host".to_owned(),
            |host| host.origin().ascii_serialization(),
        )
    }
}

#[derive(Deserialize)]
struct Claims {
    iat: Option<i64>,
    exp: i64,
}

/// Reads the payload without verifying it: the platform verifies, here it only sets an alarm clock.
fn half_life(token: &str, now: Timestamp) -> Timestamp {
    let claims: Option<Claims> = token
        .split('.')
        .nth(1)
        .and_then(|payload| BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok())
        .and_then(|json| serde_json::from_slice(&json).ok());
    let now = now.as_second();
    let (from, until) = match claims {
        Some(Claims { iat, exp }) => (iat.unwrap_or(now), exp),
        None => (now, now + UNKNOWN_LIFETIME_SECONDS),
    };
    Timestamp::from_second(from + (until - from) / 2).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_key_goes_to_its_host_and_nowhere_else() {
        let secrets = tempfile::tempdir().expect("a folder");
        std::fs::write(secrets.path().join("model-key"), "key").expect("written");
        let load = || ModelKey::load(secrets.path()).expect("a key");
        assert!(
            !load().may_go_to("https://api.example.com/v1"),
            "a key without a host stays"
        );
        std::fs::write(secrets.path().join("model-key-host"), "https://api.example.com").expect("written");
        let key = load();
        for (address, may) in [
            ("https://api.example.com/v1", true),
            ("https://api.example.com:443/other", true),
            ("https://API.example.com", true),
            ("http://api.example.com/v1", false),
            ("https://api.example.com:8443/v1", false),
            ("https://api.example.com.evil.example/v1", false),
            ("https://api.example.com@evil.example/v1", false),
            ("no address", false),
        ] {
            assert_eq!(key.may_go_to(address), may, "{address}");
        }
    }

    #[test]
    fn half_life_lies_between_issue_and_expiry() {
        let now = Timestamp::from_second(1_000).expect("a time");
        let at = |token: &str| half_life(token, now).as_second();
        assert_eq!(at(&token(r#"{"iat":1000,"exp":4600}"#)), 2800);
        assert_eq!(at(&token(r#"{"exp":1200}"#)), 1100);
        assert_eq!(at("opaque"), 1_900);
    }

    #[test]
    fn refreshed_tokens_survive_a_restart_and_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let (secrets, private) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        std::fs::write(secrets.path().join("supervisor-token"), "old-s\n").expect("written");
        std::fs::write(secrets.path().join("agent-token"), "old-a\n").expect("written");
        let tokens = Tokens::load(secrets.path(), private.path()).expect("loaded");
        assert_eq!(tokens.supervisor().expose_secret(), "old-s");
        tokens
            .replace(RunTokens {
                supervisor_token: "new-s".into(),
                agent_token: "new-a".into(),
                expires_at: Timestamp::MAX,
            })
            .expect("replaced");
        let again = Tokens::load(secrets.path(), private.path()).expect("loaded");
        assert_eq!(again.agent().expose_secret(), "new-a");
        let mode = std::fs::metadata(private.path().join(FILE))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
