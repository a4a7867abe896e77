//! What the library asks of a storage, each answer one transaction: what it calls atomic is so for all replicas.

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use oauth_as::store::{RevocationWindow, WriteOutcome};
use oauth_as::{
    AuthorizationCodeRecord, AuthorizationCodeState, Client, ClientId, DeviceGrant, DeviceGrantState,
    IssuedToken, RefreshTokenRecord, Storage, StorageError,
};

use super::domain::{ClientKind, allows_redirect};
use super::record::{Secret, client_from_row, client_to_row, hash, token_from_row, token_to_row};
use super::store::{self, Lock, Scope};
use crate::credential;
use crate::error::{Error, Result};
use crate::id::TokenId;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

type Stored<T> = std::result::Result<T, StorageError>;

/// The library's storage on our database.
#[derive(Clone)]
pub struct Store {
    orchestrator: Orchestrator,
    /// The address that a browser asks to be sent to.
    redirect_uri: Option<String>,
}

impl Store {
    pub fn new(orchestrator: Orchestrator) -> Self {
        Self {
            orchestrator,
            redirect_uri: None,
        }
    }

    /// The same for one request of a browser. The library compares addresses as they are written, but for loopback ones by
    /// number and with a port; with the rule of [`allows_redirect`] an address that is allowed is in the client's list.
    #[must_use]
    pub fn for_redirect(&self, uri: Option<&str>) -> Self {
        Self {
            orchestrator: self.orchestrator.clone(),
            redirect_uri: uri.map(str::to_owned),
        }
    }

    fn with_requested(&self, mut client: Client) -> Client {
        let requested = self.redirect_uri.as_ref().filter(|requested| {
            let mut registered = client.redirect_uris.iter();
            registered.any(|registered| allows_redirect(registered, requested))
        });
        if let Some(requested) = requested
            && !client.redirect_uris.contains(requested)
        {
            client.redirect_uris.push(requested.clone());
        }
        client
    }

    async fn begin(&self, name: &'static str) -> Result<Tx> {
        self.orchestrator.begin(name).await
    }

    async fn find_client(&self, client_id: &str) -> Result<Option<Arc<Client>>> {
        let mut tx = self.begin("oauth.find_client").await?;
        let row = store::find_client(&mut tx, client_id).await?;
        let client = row.map(|row| client_from_row(row.record)).transpose()?;
        Ok(client.map(|client| Arc::new(self.with_requested(client))))
    }

    async fn swap_client(&self, expected: &Client, updated: &Client) -> Result<bool> {
        let mut tx = self.begin("oauth.swap_client").await?;
        let client_id = updated.client_id.as_str();
        let Some(record) = store::lock_client(&mut tx, client_id).await? else {
            return Ok(false);
        };
        if client_from_row(record)? != *expected {
            return Ok(false);
        }
        store::update_client(&mut tx, client_id, &client_to_row(updated)?).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn remove_client(&self, client_id: &str, window: RevocationWindow) -> Result<bool> {
        require_name("client_id", client_id)?;
        let mut tx = self.begin("oauth.remove_client").await?;
        let was_there = end_client(&mut tx, client_id, window).await?;
        tx.commit().await?;
        Ok(was_there)
    }

    async fn keep_code(&self, code: &AuthorizationCodeRecord) -> Result<()> {
        let mut tx = self.begin("oauth.keep_code").await?;
        let client_id = code.client_id.as_str();
        store::upsert_code(
            &mut tx,
            &hash(&code.code),
            client_id,
            &code.seal()?,
            moment(code.expires_at)?,
        )
        .await?;
        tx.commit().await
    }

    async fn swap_code(
        &self,
        expected: &AuthorizationCodeState,
        updated: &AuthorizationCodeRecord,
    ) -> Result<bool> {
        let mut tx = self.begin("oauth.swap_code").await?;
        let hash = hash(&updated.code);
        let Some(sealed) = store::lock_code(&mut tx, &hash).await? else {
            return Ok(false);
        };
        if AuthorizationCodeRecord::open(&updated.code, &sealed)?.state != *expected {
            return Ok(false);
        }
        store::update_code(&mut tx, &hash, &updated.seal()?, moment(updated.expires_at)?).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn take_code(&self, code: &str) -> Result<Option<AuthorizationCodeRecord>> {
        let mut tx = self.begin("oauth.take_code").await?;
        let sealed = store::delete_code(&mut tx, &hash(code)).await?;
        tx.commit().await?;
        sealed
            .map(|sealed| AuthorizationCodeRecord::open(code, &sealed))
            .transpose()
    }

    async fn keep_token(&self, token: &IssuedToken) -> Result<WriteOutcome> {
        let mut tx = self.begin("oauth.keep_token").await?;
        let scope = Scope {
            client_id: token.client_id.as_str(),
            family_id: token.family_id.as_deref(),
            established_at: moment(token.grant_established_at)?,
        };
        if store::is_revoked(&mut tx, scope).await? {
            return Ok(WriteOutcome::RefusedRevoked);
        }
        let record = token_to_row(token)?;
        store::upsert_token(
            &mut tx,
            &hash(&token.access_token),
            scope,
            &record,
            moment(token.expires_at)?,
        )
        .await?;
        tx.commit().await?;
        Ok(WriteOutcome::Applied)
    }

    /// A client shows the signed token; the library itself shows the one it made.
    async fn find_token(&self, token: &str) -> Result<Option<Arc<IssuedToken>>> {
        let mut tx = self.begin("oauth.find_token").await?;
        let record = match signed(&mut tx, token).await? {
            Some(jti) => store::find_token_by_jti(&mut tx, jti).await?,
            None => store::find_token(&mut tx, &hash(token)).await?,
        };
        record
            .map(|record| token_from_row(record, token).map(Arc::new))
            .transpose()
    }

    async fn remove_token(&self, token: &str) -> Result<()> {
        let mut tx = self.begin("oauth.remove_token").await?;
        let jti = match signed(&mut tx, token).await? {
            Some(jti) => {
                store::delete_token_by_jti(&mut tx, jti).await?;
                Some(jti)
            }
            None => store::delete_token(&mut tx, &hash(token)).await?,
        };
        if let Some(jti) = jti {
            credential::revoke_token(&mut tx, jti).await?;
        }
        tx.commit().await
    }

    async fn keep_refresh_token(&self, token: &RefreshTokenRecord) -> Result<WriteOutcome> {
        let mut tx = self.begin("oauth.keep_refresh_token").await?;
        let scope = Scope {
            client_id: token.client_id.as_str(),
            family_id: Some(&token.family_id),
            established_at: moment(token.grant_established_at)?,
        };
        if store::is_revoked(&mut tx, scope).await? {
            return Ok(WriteOutcome::RefusedRevoked);
        }
        keep_refresh(&mut tx, token).await?;
        tx.commit().await?;
        Ok(WriteOutcome::Applied)
    }

    /// One spent token, one access token and one successor, or none of them.
    async fn rotate(
        &self,
        expected: &RefreshTokenRecord,
        spent: &RefreshTokenRecord,
        access: &IssuedToken,
        next: Option<&RefreshTokenRecord>,
    ) -> Result<bool> {
        let mut tx = self.begin("oauth.rotate").await?;
        let scope = Scope {
            client_id: expected.client_id.as_str(),
            family_id: Some(&expected.family_id),
            established_at: moment(expected.grant_established_at)?,
        };
        if store::is_revoked(&mut tx, scope).await? {
            return Ok(false);
        }
        let there = store::lock_refresh_token(&mut tx, &hash(&expected.refresh_token)).await?;
        let there = there
            .map(|sealed| RefreshTokenRecord::open(&expected.refresh_token, &sealed))
            .transpose()?;
        if there.as_ref() != Some(expected) {
            return Ok(false);
        }
        for record in [Some(spent), next].into_iter().flatten() {
            keep_refresh(&mut tx, record).await?;
        }
        let record = token_to_row(access)?;
        store::upsert_token(
            &mut tx,
            &hash(&access.access_token),
            scope,
            &record,
            moment(access.expires_at)?,
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn find_refresh_token(&self, token: &str) -> Result<Option<Arc<RefreshTokenRecord>>> {
        let mut tx = self.begin("oauth.find_refresh_token").await?;
        let sealed = store::find_refresh_token(&mut tx, &hash(token)).await?;
        sealed
            .map(|sealed| RefreshTokenRecord::open(token, &sealed).map(Arc::new))
            .transpose()
    }

    async fn take_refresh(&self, token: &str) -> Result<Option<RefreshTokenRecord>> {
        let mut tx = self.begin("oauth.take_refresh_token").await?;
        let sealed = store::delete_refresh_token(&mut tx, &hash(token)).await?;
        tx.commit().await?;
        sealed
            .map(|sealed| RefreshTokenRecord::open(token, &sealed))
            .transpose()
    }

    async fn end_family(&self, family_id: &str, window: RevocationWindow) -> Result<u64> {
        require_name("family_id", family_id)?;
        let mut tx = self.begin("oauth.end_family").await?;
        let gone = end_family(&mut tx, family_id, window).await?;
        tx.commit().await?;
        Ok(gone)
    }

    async fn sweep(&self, now: SystemTime) -> Result<u64> {
        let mut tx = self.begin("oauth.sweep").await?;
        let gone = store::delete_dead(&mut tx, moment(now)?).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

/// Ends a client and all that came of it; answers whether it was there.
pub(super) async fn end_client(tx: &mut Tx, client_id: &str, window: RevocationWindow) -> Result<bool> {
    store::lock(tx, Lock::Client(client_id)).await?;
    let was_there = store::delete_client(tx, client_id).await?;
    store::insert_barrier(
        tx,
        Lock::Client(client_id),
        moment(window.recorded_at)?,
        moment(window.until)?,
    )
    .await?;
    store::delete_of_client(tx, client_id).await?;
    for grant_id in store::revoke_grants_of_client(tx, client_id).await? {
        credential::revoke_grant_tokens(tx, grant_id).await?;
    }
    Ok(was_there)
}

/// Ends all that came of one consent; answers how many tokens that were.
pub(super) async fn end_family(tx: &mut Tx, family_id: &str, window: RevocationWindow) -> Result<u64> {
    store::lock(tx, Lock::Family(family_id)).await?;
    store::insert_barrier(
        tx,
        Lock::Family(family_id),
        moment(window.recorded_at)?,
        moment(window.until)?,
    )
    .await?;
    let gone = store::delete_of_family(tx, family_id).await?;
    if let Some(grant_id) = store::revoke_grant_of_family(tx, family_id).await? {
        credential::revoke_grant_tokens(tx, grant_id).await?;
    }
    Ok(gone)
}

async fn keep_refresh(tx: &mut Tx, token: &RefreshTokenRecord) -> Result<()> {
    let expires_at = token.expires_at.map(moment).transpose()?;
    let family = (token.client_id.as_str(), token.family_id.as_str());
    store::upsert_refresh_token(
        tx,
        &hash(&token.refresh_token),
        family,
        &token.seal()?,
        expires_at,
    )
    .await
}

async fn signed(tx: &mut Tx, token: &str) -> Result<Option<TokenId>> {
    if token.contains('.') {
        credential::signed_by_us(tx, token).await
    } else {
        Ok(None)
    }
}

fn require_name(what: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::Invalid(format!(
            "an empty {what} names nothing that could be revoked"
        )));
    }
    Ok(())
}

pub(super) fn moment(time: SystemTime) -> Result<Timestamp> {
    Timestamp::try_from(time).map_err(Error::internal)
}

fn told(error: impl Into<Error>) -> StorageError {
    let error = error.into();
    tracing::error!(%error, "the storage of OAuth failed");
    StorageError::new(error.told())
}

/// No route begins the device flow and no client may use it.
fn no_device_flow() -> StorageError {
    StorageError::new("the device flow is not offered")
}

impl Storage for Store {
    async fn get_client(&self, client_id: &ClientId) -> Stored<Option<Arc<Client>>> {
        self.find_client(client_id.as_str()).await.map_err(told)
    }

    async fn put_client(&self, client: Client) -> Stored<()> {
        let put = async {
            let mut tx = self.begin("oauth.put_client").await?;
            let record = client_to_row(&client)?;
            store::upsert_client(&mut tx, client.client_id.as_str(), ClientKind::Preset, &record).await?;
            tx.commit().await
        };
        put.await.map_err(told)
    }

    async fn compare_and_swap_client(&self, expected: &Client, updated: Client) -> Stored<bool> {
        self.swap_client(expected, &updated).await.map_err(told)
    }

    async fn delete_client(&self, client_id: &ClientId, window: RevocationWindow) -> Stored<bool> {
        self.remove_client(client_id.as_str(), window).await.map_err(told)
    }

    async fn put_device_grant(&self, _: DeviceGrant) -> Stored<()> {
        Err(no_device_flow())
    }

    async fn get_device_grant(&self, _: &str) -> Stored<Option<DeviceGrant>> {
        Ok(None)
    }

    async fn find_device_grant_by_user_code(&self, _: &str) -> Stored<Option<DeviceGrant>> {
        Ok(None)
    }

    async fn take_device_grant(&self, _: &str) -> Stored<Option<DeviceGrant>> {
        Ok(None)
    }

    async fn compare_and_swap_device_grant(&self, _: &DeviceGrantState, _: DeviceGrant) -> Stored<bool> {
        Ok(false)
    }

    async fn put_authorization_code(&self, record: AuthorizationCodeRecord) -> Stored<()> {
        self.keep_code(&record).await.map_err(told)
    }

    async fn compare_and_swap_authorization_code(
        &self,
        expected: &AuthorizationCodeState,
        updated: AuthorizationCodeRecord,
    ) -> Stored<bool> {
        self.swap_code(expected, &updated).await.map_err(told)
    }

    async fn take_authorization_code(&self, code: &str) -> Stored<Option<AuthorizationCodeRecord>> {
        self.take_code(code).await.map_err(told)
    }

    async fn put_token(&self, token: IssuedToken) -> Stored<WriteOutcome> {
        self.keep_token(&token).await.map_err(told)
    }

    async fn get_token(&self, access_token: &str) -> Stored<Option<Arc<IssuedToken>>> {
        self.find_token(access_token).await.map_err(told)
    }

    async fn delete_token(&self, access_token: &str) -> Stored<()> {
        self.remove_token(access_token).await.map_err(told)
    }

    async fn put_refresh_token(&self, record: RefreshTokenRecord) -> Stored<WriteOutcome> {
        self.keep_refresh_token(&record).await.map_err(told)
    }

    async fn get_refresh_token(&self, refresh_token: &str) -> Stored<Option<Arc<RefreshTokenRecord>>> {
        self.find_refresh_token(refresh_token).await.map_err(told)
    }

    async fn rotate_refresh_token(
        &self,
        expected: &RefreshTokenRecord,
        spent: &RefreshTokenRecord,
        access: &IssuedToken,
        next: Option<&RefreshTokenRecord>,
    ) -> Stored<bool> {
        self.rotate(expected, spent, access, next).await.map_err(told)
    }

    async fn take_refresh_token(&self, refresh_token: &str) -> Stored<Option<RefreshTokenRecord>> {
        self.take_refresh(refresh_token).await.map_err(told)
    }

    async fn revoke_token_family(&self, family_id: &str, window: RevocationWindow) -> Stored<u64> {
        self.end_family(family_id, window).await.map_err(told)
    }

    async fn sweep_expired(&self, now: SystemTime) -> Stored<u64> {
        self.sweep(now).await.map_err(told)
    }
}
