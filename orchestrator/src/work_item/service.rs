use super::{WorkItem, store};
use crate::error::{Error, Result};
use crate::id::RepositoryId;
use crate::postgres::Tx;

/// Keeps what somebody saw, unless something newer is known. Answers whether it was kept.
pub async fn save(tx: &mut Tx, item: &WorkItem) -> Result<bool> {
    let kept = store::upsert(tx, item).await?;
    if kept {
        crate::run::retitle(tx, item.repository_id, item.number, &item.title).await?;
    }
    Ok(kept)
}

pub async fn find(tx: &mut Tx, repository_id: RepositoryId, number: i64) -> Result<Option<WorkItem>> {
    store::find(tx, repository_id, number).await
}

pub async fn get(tx: &mut Tx, repository_id: RepositoryId, number: i64) -> Result<WorkItem> {
    let item = find(tx, repository_id, number).await?;
    item.ok_or_else(|| Error::not_found("issue", number))
}
