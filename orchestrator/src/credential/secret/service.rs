use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::domain::{SecretKind, check_name, origin};
use super::store::{self, Sealed};
use crate::actor::Actor;
use crate::credential::MasterKey;
use crate::error::{Error, Result};
use crate::id::{ProjectId, SecretId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};

/// Bytes of a value.
const MAX_VALUE_BYTES: usize = 16 * 1024;

/// That there is a secret, never what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub secret_id: SecretId,
    /// None: the platform's own.
    pub project_id: Option<ProjectId>,
    pub name: String,
    pub kind: SecretKind,
    /// Where a model's key may be sent.
    pub host: Option<String>,
    /// Which master key seals it.
    pub key_id: String,
    /// Counts changes of the value.
    pub version: i64,
    pub set_by: String,
    pub set_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// A secret to keep.
#[derive(Debug)]
pub struct NewSecret {
    pub project_id: Option<ProjectId>,
    pub name: String,
    pub kind: SecretKind,
    pub host: Option<String>,
    pub value: SecretString,
}

/// Keeps a secret, in the place of one of the same name. The old value is gone with the commit.
///
/// # Errors
///
/// `Invalid` for a name, host or value that will not do; `NotFound` or `Forbidden`; `Conflict` if another secret is the
/// host's key.
pub async fn set(
    orchestrator: &Orchestrator,
    actor: &Actor,
    new: NewSecret,
    key: Option<Key>,
) -> Result<Secret> {
    let host = check(&new)?;
    let mut tx = orchestrator.begin("secret.set").await?;
    require(&mut tx, actor, Operation::SecretSet, new.project_id, &new.name).await?;
    if let Some(there) = idempotency::recall::<SecretId>(&mut tx, actor, key.as_ref()).await? {
        return store::get(&mut tx, there).await;
    }
    if let Some(host) = &host
        && let Some(other) = store::find_by_host(&mut tx, host).await?
        && other.name != new.name
    {
        return Err(Error::Conflict(format!(
            "the key of {host} is kept under the name {}; replace that one",
            other.name
        )));
    }
    let there = store::find_for_update(&mut tx, new.project_id, &new.name).await?;
    let secret_id = there.unwrap_or_else(SecretId::new);
    let sealed = seal(
        orchestrator.master_key()?,
        secret_id,
        new.value.expose_secret().as_bytes(),
    )?;
    store::upsert(
        &mut tx,
        secret_id,
        &new,
        host.as_deref(),
        &sealed,
        &actor.to_string(),
    )
    .await?;
    let secret = store::get(&mut tx, secret_id).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &secret_id).await?;
    tx.commit().await?;
    Ok(secret)
}

/// Answers the host as it is kept.
fn check(new: &NewSecret) -> Result<Option<String>> {
    check_name(&new.name).map_err(Error::Invalid)?;
    let bytes = new.value.expose_secret().len();
    if bytes == 0 || bytes > MAX_VALUE_BYTES {
        return Err(Error::Invalid(format!("value: 1 to {MAX_VALUE_BYTES} bytes")));
    }
    match (new.kind, new.project_id, &new.host) {
        (SecretKind::ModelKey, None, Some(host)) => origin(host).map(Some).map_err(Error::Invalid),
        (SecretKind::ModelKey, Some(_), _) => Err(Error::Invalid(
            "project_id: a model's key is the platform's; leave the project out".into(),
        )),
        (SecretKind::ModelKey, None, None) => Err(Error::Invalid(
            "host: a model's key is bound to the one host it may be sent to; name it".into(),
        )),
        (SecretKind::Value, _, None) => Ok(None),
        (SecretKind::Value, _, Some(_)) => Err(Error::Invalid("host: only a model's key has one".into())),
    }
}

/// The secrets of a project, or the platform's own; newest first, without their values.
///
/// # Errors
///
/// `NotFound` for who may not see that there are any.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
    ask: PageAsk,
) -> Result<Page<Secret>> {
    let mut tx = orchestrator.look("secret.list").await?;
    require(&mut tx, actor, Operation::SecretRead, project_id, "list").await?;
    let rows = store::list(&mut tx, project_id, ask).await?;
    Ok(ask.page(rows, |secret| secret.secret_id.uuid()))
}

async fn require(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    project_id: Option<ProjectId>,
    name: &str,
) -> Result<()> {
    match project_id {
        Some(project_id) => {
            let target = Target::new(project_id, "secret", name);
            access::require(tx, actor, operation, &target).await
        }
        None => access::require_platform(tx, actor, operation, "secret", name).await,
    }
}

/// The key of a model's provider, for the one place it may be sent to; notes that it was used.
///
/// # Errors
///
/// `Precondition` if it does not open under this program's master key.
pub async fn model_key(orchestrator: &Orchestrator, host: &str) -> Result<Option<SecretString>> {
    let mut tx = orchestrator.begin("secret.model_key").await?;
    let Some((secret_id, sealed)) = store::use_of_host(&mut tx, host).await? else {
        return Ok(None);
    };
    let value = open(orchestrator.master_key()?, secret_id, &sealed)?;
    tx.commit().await?;
    let text = String::from_utf8(value).map_err(|_| Error::internal("a secret is no text"))?;
    Ok(Some(text.into()))
}

/// A digest of a value that only this platform can make: two calls are compared by it, and nobody can guess the value from
/// it.
pub fn fingerprint(orchestrator: &Orchestrator, value: &SecretString) -> Result<String> {
    let digest = orchestrator
        .master_key()?
        .digest("secret_fingerprint", value.expose_secret().as_bytes());
    Ok(hex::encode(digest))
}

/// Seals a value under a data key of its own, and that under the master key.
fn seal(master: &MasterKey, secret_id: SecretId, value: &[u8]) -> Result<Sealed> {
    let data_key = MasterKey::generate();
    Ok(Sealed {
        key_id: master.id(),
        data_key: master.seal(&data_key_purpose(secret_id), data_key.bytes())?,
        value: data_key.seal(&value_purpose(secret_id), value)?,
    })
}

fn open(master: &MasterKey, secret_id: SecretId, sealed: &Sealed) -> Result<Vec<u8>> {
    let data_key = master.open(&data_key_purpose(secret_id), &sealed.data_key)?;
    let data_key = data_key
        .try_into()
        .map_err(|_| Error::internal("a data key of another size"))?;
    MasterKey::from_bytes(data_key).open(&value_purpose(secret_id), &sealed.value)
}

pub(super) fn data_key_purpose(secret_id: SecretId) -> String {
    format!("secret_data_key:{secret_id}")
}

fn value_purpose(secret_id: SecretId) -> String {
    format!("secret_value:{secret_id}")
}
