//! The use cases of clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use oauth_as::{Client, ClientAuth, ClientId, GrantType, ScopeSet, SecretHash, Storage};
use secrecy::{ExposeSecret, SecretString};

use super::domain::{
    ClientKind, MAX_DYNAMIC_CLIENTS, MAX_REDIRECT_URIS, MAX_REGISTRATIONS_PER_HOUR, REFRESH_TOKEN_LIFE,
    SCOPE, UNUSED_LIFE, USED_LIFE, may_redirect_to,
};
use super::grant::window;
use super::record::{client_from_row, client_to_row};
use super::storage::{Store, end_client};
use super::store;
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;
use crate::postgres::{Moment, SWEEP_BATCHES, Tx};

/// Clients are listed up to this many.
const MAX_LISTED: i64 = 1000;
/// What a client calls itself is shown to people, so it is short.
const MAX_NAME_BYTES: usize = 100;
const MAX_CLIENT_ID_BYTES: usize = 200;

/// What a client says of itself.
#[derive(Clone, Debug)]
pub struct NewClient {
    pub name: Option<String>,
    pub redirect_uris: Vec<String>,
}

impl NewClient {
    /// Keeps the addresses that a client may name and drops the others: one that is not for us is no reason to refuse the
    /// rest. None is left if none of them will do.
    fn admit(self) -> Option<Self> {
        let mut redirect_uris = self.redirect_uris;
        redirect_uris.retain(|uri| may_redirect_to(uri));
        redirect_uris.truncate(MAX_REDIRECT_URIS);
        let name = self.name.map(|name| shown(&name)).filter(|name| !name.is_empty());
        (!redirect_uris.is_empty()).then_some(Self { name, redirect_uris })
    }

    fn into_client(self, client_id: &str, auth: ClientAuth) -> Result<Client> {
        let scopes = ScopeSet::parse(SCOPE).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Client {
            client_id: ClientId::new(client_id),
            auth,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            redirect_uris: self.redirect_uris,
            allowed_scopes: scopes.clone(),
            default_scopes: scopes,
            name: self.name,
            registration: None,
        })
    }
}

/// A name without what would change how it reads.
fn shown(name: &str) -> String {
    let plain: String = name.chars().filter(|letter| !is_disguise(*letter)).collect();
    let plain = plain.trim();
    plain[..plain.floor_char_boundary(MAX_NAME_BYTES)].to_owned()
}

/// Control characters, and those that hide or turn text around.
fn is_disguise(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A client as an operator sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub client_id: String,
    pub kind: ClientKind,
    pub name: Option<String>,
    pub redirect_uris: Vec<String>,
    pub has_secret: bool,
    pub created_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// Makes a client that an operator names; with a secret only its hash is kept.
///
/// # Errors
///
/// `Invalid` for a bad id or address, `Conflict` if there is one of this id.
pub async fn add_client(
    orchestrator: &Orchestrator,
    actor: &Actor,
    client_id: &str,
    wanted: NewClient,
    secret: Option<&SecretString>,
) -> Result<()> {
    let fits = (1..=MAX_CLIENT_ID_BYTES).contains(&client_id.len())
        && client_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !fits {
        return Err(Error::Invalid(format!(
            "a client id has 1 to {MAX_CLIENT_ID_BYTES} letters, digits, dots, dashes and underscores"
        )));
    }
    if let Some(uri) = wanted.redirect_uris.iter().find(|uri| !may_redirect_to(uri)) {
        return Err(Error::Invalid(format!(
            "{uri} is no address to send a browser to: it must be https, or http to localhost, 127.0.0.1 or [::1]"
        )));
    }
    let wanted = wanted
        .admit()
        .ok_or_else(|| Error::Invalid("a client needs at least one redirect address".into()))?;
    let auth = match secret {
        Some(secret) if secret.expose_secret().len() < 32 => {
            return Err(Error::Invalid(
                "a client's secret must have at least 32 characters".into(),
            ));
        }
        Some(secret) => ClientAuth::ConfidentialSecretHash {
            hash: SecretHash::sha256(secret.expose_secret()),
        },
        None => ClientAuth::Public,
    };
    let client = wanted.into_client(client_id, auth)?;
    let mut tx = orchestrator.begin("oauth.add_client").await?;
    if store::find_client(&mut tx, client_id).await?.is_some() {
        return Err(Error::Conflict(format!(
            "there is a client {client_id}; remove it first"
        )));
    }
    store::upsert_client(&mut tx, client_id, ClientKind::Preset, &client_to_row(&client)?).await?;
    audit::record_own(
        &mut tx,
        actor,
        "oauth_client_add",
        ("oauth_client", client_id),
        None,
    )
    .await?;
    tx.commit().await
}

/// Ends a client, its grants and all their tokens; answers whether it was there.
pub async fn remove_client(orchestrator: &Orchestrator, actor: &Actor, client_id: &str) -> Result<bool> {
    let mut tx = orchestrator.begin("oauth.remove_client").await?;
    let window = window(tx.now());
    let was_there = end_client(&mut tx, client_id, window).await?;
    if was_there {
        audit::record_own(
            &mut tx,
            actor,
            "oauth_client_remove",
            ("oauth_client", client_id),
            None,
        )
        .await?;
    }
    tx.commit().await?;
    Ok(was_there)
}

/// All clients, those of operators first.
pub async fn list_clients(orchestrator: &Orchestrator) -> Result<Vec<Listed>> {
    let mut tx = orchestrator.begin("oauth.list_clients").await?;
    let rows = store::list_clients(&mut tx, MAX_LISTED).await?;
    rows.into_iter()
        .map(|row| {
            let client = client_from_row(row.record)?;
            let kind = ClientKind::parse(&row.kind);
            Ok(Listed {
                client_id: row.client_id,
                kind: kind.ok_or_else(|| crate::postgres::unknown_word("oauth_clients.kind", &row.kind))?,
                has_secret: client.auth.is_confidential(),
                name: client.name,
                redirect_uris: client.redirect_uris,
                created_at: row.created_at.to_jiff(),
                used_at: row.used_at.map(Moment::to_jiff),
            })
        })
        .collect()
}

/// Registers a client that asks for it: public, without a secret, forgotten soon if nobody lets it in.
///
/// # Errors
///
/// `Invalid` if no address of it will do, `RateLimited` if there are too many.
pub async fn register(orchestrator: &Orchestrator, wanted: NewClient, address: &str) -> Result<Client> {
    let wanted = wanted.admit().ok_or_else(|| {
        Error::Invalid(
            "no redirect_uri will do: it must be https, http to localhost, 127.0.0.1 or [::1], or an editor's".into(),
        )
    })?;
    let mut tx = orchestrator.begin("oauth.register").await?;
    store::lock_registrations(&mut tx).await?;
    let since = tx.now() - SignedDuration::from_hours(1);
    let (unused, recent) = store::count_dynamic(&mut tx, address, since).await?;
    if unused >= MAX_DYNAMIC_CLIENTS || recent >= MAX_REGISTRATIONS_PER_HOUR {
        return Err(Error::RateLimited {
            message:
                "too many clients were registered; try again later, or use a client id that an operator made"
                    .into(),
            retry_after_ms: 3_600_000,
        });
    }
    let client_id = format!("dyn-{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 18]>()));
    let client = wanted.into_client(&client_id, ClientAuth::Public)?;
    store::insert_dynamic(&mut tx, &client_id, &client_to_row(&client)?, address).await?;
    tx.commit().await?;
    Ok(client)
}

/// Whether the metadata at this address is known and still believed.
pub async fn fresh_document(orchestrator: &Orchestrator, client_id: &str) -> Result<bool> {
    let mut tx = orchestrator.begin("oauth.fresh_document").await?;
    let row = store::find_client(&mut tx, client_id).await?;
    let fresh_until = row.and_then(|row| row.fresh_until);
    Ok(fresh_until.is_some_and(|until| tx.now() < until.to_jiff()))
}

/// Keeps the metadata that was read at a client's address.
///
/// # Errors
///
/// `Invalid` if no address of it will do.
pub async fn keep_document(
    orchestrator: &Orchestrator,
    client_id: &str,
    wanted: NewClient,
    fresh_until: Timestamp,
) -> Result<()> {
    let wanted = wanted
        .admit()
        .ok_or_else(|| Error::Invalid("the client's metadata names no address that will do".into()))?;
    let client = wanted.into_client(client_id, ClientAuth::Public)?;
    let mut tx = orchestrator.begin("oauth.keep_document").await?;
    store::upsert_document(&mut tx, client_id, &client_to_row(&client)?, fresh_until).await?;
    tx.commit().await
}

/// Forgets what is over; answers how many rows.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<u64> {
    let library = Store::new(orchestrator.clone());
    let mut all = 0;
    for _ in 0..SWEEP_BATCHES {
        let now = orchestrator.clock().now();
        let dead = library.sweep_expired(now.into()).await;
        let dead = dead.map_err(|error| Error::internal(error.to_string()))?;
        let gone = dead + sweep_clients_and_grants(orchestrator).await?;
        all += gone;
        if gone == 0 {
            break;
        }
    }
    Ok(all)
}

async fn sweep_clients_and_grants(orchestrator: &Orchestrator) -> Result<u64> {
    let mut tx: Tx = orchestrator.begin("oauth.sweep_clients").await?;
    let now = tx.now();
    let clients = store::delete_unused_clients(&mut tx, now - UNUSED_LIFE, now - USED_LIFE).await?;
    let grants = store::delete_old_grants(&mut tx, now - REFRESH_TOKEN_LIFE - UNUSED_LIFE).await?;
    tx.commit().await?;
    Ok(clients + grants)
}
