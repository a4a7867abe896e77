//! Staging writes of the platform itself, in the transaction that wants them.

use jiff::SignedDuration;

use super::{Effect, save_and_tell};
use crate::actor::Actor;
use crate::effect::domain::{EffectEvent, EffectState, Write};
use crate::effect::jobs::ApplyEffect;
use crate::effect::store;
use crate::error::Result;
use crate::id::{EffectId, PersonId, ProjectId, RepositoryId, RunId};
use crate::postgres::Tx;
use crate::repository::{Repository, label};
use crate::run::Run;
use crate::trace::TraceParent;

/// The status comment is edited at most this often.
const BETWEEN_EDITS: SignedDuration = SignedDuration::from_secs(30);

/// A comment of the platform on a work item, outside of any run's own words.
#[derive(Clone, Debug)]
pub struct NewComment {
    pub project_id: ProjectId,
    pub repository_id: RepositoryId,
    pub number: i64,
    pub run_id: Option<RunId>,
    /// Two comments with one key are one comment; none makes each its own.
    pub key: Option<String>,
    pub body: String,
    pub actor: String,
    pub traceparent: TraceParent,
}

/// Where a write goes and who wants it.
pub(super) struct Origin<'a> {
    pub(super) project_id: ProjectId,
    pub(super) repository_id: RepositoryId,
    pub(super) number: Option<i64>,
    pub(super) run: Option<(RunId, i32)>,
    pub(super) actor: String,
    pub(super) asked_by: Option<PersonId>,
    pub(super) traceparent: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn of(run: &'a Run, number: Option<i64>, actor: String) -> Self {
        Self {
            project_id: run.project_id,
            repository_id: run.repository_id,
            number,
            run: Some((run.run_id, run.turn)),
            actor,
            asked_by: None,
            traceparent: &run.traceparent,
        }
    }
}

/// The one comment that says where runs of an issue are: the newest body wins.
pub(crate) async fn stage_status_comment(tx: &mut Tx, run: &Run, number: i64, body: String) -> Result<()> {
    let key = format!("status:{}:{number}", run.repository_id);
    let write = Write::StatusComment { body };
    let Some(mut there) = store::find_by_key_for_update(tx, &key).await? else {
        let origin = Origin::of(run, Some(number), "system:run".into());
        insert_ready(tx, &origin, Some(key), write).await?;
        return Ok(());
    };
    if there.write == write {
        return Ok(());
    }
    if there.state == EffectState::Failed {
        // The newer text has its own tries.
        there.attempts = 0;
    }
    there.take(EffectEvent::Changed)?;
    there.write = write;
    there.version += 1;
    (there.run_id, there.turn) = (Some(run.run_id), Some(run.turn));
    if let Some(applied_at) = there.applied_at {
        there.not_before = tx.now().max(applied_at + BETWEEN_EDITS);
    }
    save_and_tell(tx, &there).await?;
    tx.follow(&there.traceparent);
    tx.enqueue_at(
        ApplyEffect {
            effect_id: there.effect_id,
        },
        there.not_before,
    )
    .await
}

/// The labels that a repository must know, in pieces that one write can make. A piece that was made before is looked at
/// again.
pub(crate) async fn stage_label_definitions(
    tx: &mut Tx,
    repository: &Repository,
    actor: &Actor,
    traceparent: &TraceParent,
) -> Result<()> {
    for (piece, labels) in label::wanted().chunks(label::AT_ONCE).enumerate() {
        let key = format!("label_definitions:{}:{piece}", repository.repository_id);
        let write = Write::LabelDefinitions {
            labels: labels.to_vec(),
        };
        let origin = Origin {
            project_id: repository.project_id,
            repository_id: repository.repository_id,
            number: None,
            run: None,
            actor: actor.to_string(),
            asked_by: None,
            traceparent: traceparent.as_str(),
        };
        let Some(mut there) = store::find_by_key_for_update(tx, &key).await? else {
            insert_ready(tx, &origin, Some(key), write).await?;
            continue;
        };
        if there.state.is_over() {
            there.take(EffectEvent::Changed)?;
            there.write = write;
            there.version += 1;
            (there.attempts, there.not_before) = (0, tx.now());
            save_and_tell(tx, &there).await?;
            tx.follow(origin.traceparent);
            tx.enqueue(ApplyEffect {
                effect_id: there.effect_id,
            })
            .await?;
        }
    }
    Ok(())
}

/// Labels as they should be: never compared with the past. What older changes wanted and nobody made goes with this one.
pub(crate) async fn stage_labels(
    tx: &mut Tx,
    run: &Run,
    number: i64,
    add: Vec<String>,
    remove: Vec<String>,
) -> Result<()> {
    let mut write = Write::Labels { add, remove };
    let waiting = store::ready_system_labels(tx, run.repository_id, number).await?;
    for older in waiting.into_iter().rev() {
        write = write.with_older(&older.write);
        overtake(tx, older, "a newer change of the labels took it over").await?;
    }
    let origin = Origin::of(run, Some(number), "system:run".into());
    insert_ready(tx, &origin, None, write).await?;
    Ok(())
}

/// Takes back what an ended run wanted to happen to the label that started a new one.
pub(crate) async fn overtake_labels(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    trigger: &str,
) -> Result<()> {
    for effect in store::ready_system_labels(tx, repository_id, number).await? {
        let takes_away = |write: &Write| match write {
            Write::Labels { remove, .. } => remove.iter().any(|label| label == trigger),
            _ => false,
        };
        if takes_away(&effect.write) {
            overtake(tx, effect, "the issue has a new run of this stage").await?;
        }
    }
    Ok(())
}

/// Takes back what a run asked for and nobody began to write: what still waits for something, and of a cancelled run all.
/// The platform's own word about the run stays.
pub(crate) async fn overtake_of_run(tx: &mut Tx, run_id: RunId, cancelled: bool) -> Result<()> {
    for effect in store::unbegun_of_run(tx, run_id, cancelled).await? {
        let why = if cancelled {
            "its run was cancelled"
        } else {
            "its run ended"
        };
        overtake(tx, effect, why).await?;
    }
    Ok(())
}

async fn overtake(tx: &mut Tx, mut effect: Effect, why: &str) -> Result<()> {
    effect.take(EffectEvent::Overtaken)?;
    effect.reason = Some(why.to_owned());
    save_and_tell(tx, &effect).await
}

/// A comment of the platform.
pub(crate) async fn stage_comment(tx: &mut Tx, new: NewComment) -> Result<EffectId> {
    let key = new
        .key
        .map(|key| format!("comment:{}:{}:{key}", new.repository_id, new.number));
    if let Some(key) = &key
        && let Some(there) = store::find_by_key_for_update(tx, key).await?
    {
        return Ok(there.effect_id);
    }
    let origin = Origin {
        project_id: new.project_id,
        repository_id: new.repository_id,
        number: Some(new.number),
        run: new.run_id.map(|run_id| (run_id, 0)),
        actor: new.actor,
        asked_by: None,
        traceparent: new.traceparent.as_str(),
    };
    let effect = insert_ready(tx, &origin, key, Write::Comment { body: new.body }).await?;
    Ok(effect.effect_id)
}

pub(super) async fn insert_ready(
    tx: &mut Tx,
    origin: &Origin<'_>,
    effect_key: Option<String>,
    write: Write,
) -> Result<Effect> {
    let effect = insert(tx, origin, effect_key, write, EffectState::Ready).await?;
    tx.follow(&effect.traceparent);
    tx.enqueue(ApplyEffect {
        effect_id: effect.effect_id,
    })
    .await?;
    Ok(effect)
}

pub(super) async fn insert(
    tx: &mut Tx,
    origin: &Origin<'_>,
    effect_key: Option<String>,
    write: Write,
    state: EffectState,
) -> Result<Effect> {
    let effect_id = EffectId::new();
    // Every comment carries a marker, so that a lost answer is settled by looking: one without a key is its own.
    let effect_key = effect_key.or_else(|| Some(format!("effect:{effect_id}")));
    let effect = Effect {
        effect_id,
        project_id: origin.project_id,
        repository_id: origin.repository_id,
        number: origin.number,
        run_id: origin.run.map(|run| run.0),
        turn: origin.run.map(|run| run.1),
        effect_key,
        write,
        version: 1,
        applied_version: None,
        state,
        reason: None,
        result: None,
        attempts: 0,
        not_before: tx.now(),
        lane_fence: None,
        applying_since: None,
        applied_at: None,
        actor: origin.actor.clone(),
        asked_by: origin.asked_by,
        traceparent: origin.traceparent.to_owned(),
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &effect).await?;
    Ok(effect)
}
