use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::domain::{ATTEMPT_LIFE, Carried, local_path};
use super::store;
use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::error::{Error, Result};
use crate::identity::rule;
use crate::identity::session::{self, Browser, Method, Opened};
use crate::identity::{Person, find_by_github_user_id, know};
use crate::orchestrator::Orchestrator;
use crate::ports::identity::Identified;
use crate::postgres::Tx;

/// What seals the cookie of a sign-in under way.
const PURPOSE: &str = "login";

/// A sign-in that begins.
#[derive(Debug)]
pub struct Begun {
    pub state: String,
    pub verifier: String,
    /// For this browser alone; without it nobody comes back.
    pub cookie: SecretString,
}

/// A browser that came back with the state it left with.
#[derive(Debug)]
pub struct Attempt {
    pub verifier: String,
    pub return_to: String,
    state_sha256: Vec<u8>,
}

/// Begins a sign-in that ends at `return_to`, or at `otherwise` if that is no path of this host.
pub fn begin(orchestrator: &Orchestrator, return_to: Option<&str>, otherwise: &str) -> Result<Begun> {
    let carried = Carried {
        state: random(),
        verifier: random(),
        return_to: return_to.and_then(local_path).unwrap_or(otherwise).to_owned(),
        expires_at: orchestrator.clock().now() + ATTEMPT_LIFE,
    };
    let plain = serde_json::to_vec(&carried).map_err(Error::internal)?;
    let sealed = orchestrator.edge_key()?.key().seal(PURPOSE, &plain)?;
    Ok(Begun {
        state: carried.state,
        verifier: carried.verifier,
        cookie: URL_SAFE_NO_PAD.encode(sealed).into(),
    })
}

/// The sign-in that a browser left with, by its cookie and by the state that came back.
///
/// # Errors
///
/// `Unauthenticated` if the two do not belong together, or it took too long.
pub fn resume(orchestrator: &Orchestrator, cookie: &str, state: &str) -> Result<Attempt> {
    let stranger =
        || Error::Unauthenticated("this browser began no sign-in that ends here; begin again".into());
    let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| stranger())?;
    let plain = orchestrator.edge_key()?.key().open(PURPOSE, &sealed);
    let carried: Carried = serde_json::from_slice(&plain.map_err(|_| stranger())?).map_err(|_| stranger())?;
    let state_sha256 = hash(state);
    // Digests, so that the comparison's time says nothing about the state.
    if hash(&carried.state) != state_sha256 {
        return Err(stranger());
    }
    if orchestrator.clock().now() >= carried.expires_at {
        return Err(Error::Unauthenticated(
            "the sign-in took longer than ten minutes; begin again".into(),
        ));
    }
    Ok(Attempt {
        verifier: carried.verifier,
        return_to: carried.return_to,
        state_sha256,
    })
}

/// Lets somebody in whom the code host named: who is known, or a member that a rule knows. The login is taken over, and
/// roles that rules give are as of now.
///
/// # Errors
///
/// `Unauthenticated` if this sign-in came to its end before, `Forbidden` for strangers and disabled people.
pub async fn settle(
    orchestrator: &Orchestrator,
    attempt: &Attempt,
    who: &Identified,
    browser: Browser<'_>,
    before: Option<&str>,
) -> Result<Opened> {
    let mut tx = orchestrator.begin("login.settle").await?;
    if !store::use_state(&mut tx, &attempt.state_sha256).await? {
        return Err(Error::Unauthenticated(
            "this sign-in came to its end before; begin again".into(),
        ));
    }
    let person = match admit(&mut tx, who).await {
        Ok(person) => person,
        Err(error) => {
            // The state is used up, whatever came of it.
            refuse(&mut tx, who, &error).await?;
            tx.commit().await?;
            return Err(error);
        }
    };
    rule::apply(&mut tx, &person, &who.groups).await?;
    let opened = session::open(&mut tx, &person, Method::Github, browser, before).await?;
    tx.commit().await?;
    Ok(opened)
}

async fn admit(tx: &mut Tx, who: &Identified) -> Result<Person> {
    let known = find_by_github_user_id(tx, who.github_user_id).await?;
    match known {
        Some(person) if person.disabled_at.is_some() => Err(Error::Forbidden(format!(
            "{} is disabled on this platform; ask an owner of it",
            who.login
        ))),
        None if !rule::knows(tx, &who.groups).await? => Err(Error::Forbidden(format!(
            "nobody has invited {} to this platform; ask an owner of it, or an admin of a project",
            who.login
        ))),
        _ => know(tx, who.github_user_id, &who.login).await,
    }
}

async fn refuse(tx: &mut Tx, who: &Identified, error: &Error) -> Result<()> {
    let entry = Entry {
        actor: &Actor::System("gateway"),
        operation: "session_open",
        object_kind: "github_user",
        object_id: &who.github_user_id.to_string(),
        project_id: None,
        allowed: false,
        rule: &error.told(),
    };
    audit::record(tx, &entry).await
}

/// Forgets states and codes that could not be used any more anyhow; answers how many.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<u64> {
    let mut tx = orchestrator.begin("login.sweep").await?;
    // A state is good for [`ATTEMPT_LIFE`]; twice that covers clocks that differ.
    let before = tx.now() - ATTEMPT_LIFE * 2;
    let gone = store::delete_old(&mut tx, before).await?;
    tx.commit().await?;
    Ok(gone)
}

pub(super) fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

pub(super) fn hash(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}
