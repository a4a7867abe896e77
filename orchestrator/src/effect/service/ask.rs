//! Writes that the agent of a live turn asks for, limited to its own issue.

use sha2::{Digest, Sha256};

use super::stage::{Origin, insert, insert_ready};
use super::{Effect, save_and_tell};
use crate::actor::{Actor, RunSide};
use crate::effect::domain::{
    EffectEvent, EffectKind, EffectState, MAX_COMMENTS_PER_RUN, MAX_LABEL_CHANGES_PER_RUN, TextFault, Write,
    check_text, pull_request_key,
};
use crate::effect::jobs::ApplyEffect;
use crate::effect::store;
use crate::error::{Error, Result};
use crate::id::EffectId;
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::run::{self, Run};

/// Labels one call may name.
pub(super) const MAX_LABELS: usize = 20;
/// Characters of a pull request's title (GitHub's own limit).
pub(super) const MAX_TITLE: usize = 256;

/// Comments on the run's own issue. The same body in the same turn, or the same key, is the same comment.
///
/// # Errors
///
/// `StaleTurn`, `NotFound` for another issue, `Invalid` or `TooLarge` for a text that must not leave, `Capacity` after
/// 20 comments.
pub async fn ask_comment(
    orchestrator: &Orchestrator,
    actor: &Actor,
    number: Option<i64>,
    body: &str,
    idempotency_key: Option<&str>,
) -> Result<Effect> {
    checked("body", body)?;
    let mut tx = orchestrator.begin("effect.ask_comment").await?;
    let run = run::require_live(&mut tx, actor).await?;
    require(&mut tx, actor, Operation::IssueWrite, &run).await?;
    let number = own_number(&run, number)?;
    let key = if let Some(key) = idempotency_key {
        format!("comment:{}:key:{key}", run.run_id)
    } else {
        let digest = hex::encode(Sha256::digest(body.as_bytes()));
        format!("comment:{}:{}:{digest}", run.run_id, run.turn)
    };
    if let Some(there) = store::find_by_key_for_update(&mut tx, &key).await? {
        let same = there.write
            == Write::Comment {
                body: body.to_owned(),
            };
        return if same {
            Ok(there)
        } else {
            Err(Error::IdempotencyMismatch)
        };
    }
    if store::count_of_kind(&mut tx, run.run_id, EffectKind::Comment).await? >= MAX_COMMENTS_PER_RUN {
        return Err(Error::Capacity(format!(
            "the run has written {MAX_COMMENTS_PER_RUN} comments, the most it may; say the rest in the pull request"
        )));
    }
    let origin = Origin::of(&run, Some(number), actor.to_string());
    let effect = insert_ready(
        &mut tx,
        &origin,
        Some(key),
        Write::Comment {
            body: body.to_owned(),
        },
    )
    .await?;
    tx.commit().await?;
    Ok(effect)
}

/// Changes labels of the run's own issue. Labels that steer the platform are not the agent's. With an idempotency key a
/// repeat is the same change.
///
/// # Errors
///
/// `StaleTurn`, `NotFound` for another issue, `Forbidden` for `run:*` and `state:*`, `Invalid`,
/// `Capacity` after 20 changes.
pub async fn ask_labels(
    orchestrator: &Orchestrator,
    actor: &Actor,
    number: Option<i64>,
    add: Vec<String>,
    remove: Vec<String>,
    idempotency_key: Option<Key>,
) -> Result<Effect> {
    if add.is_empty() && remove.is_empty() || add.len() + remove.len() > MAX_LABELS {
        return Err(Error::Invalid(format!(
            "name 1 to {MAX_LABELS} labels in add and remove"
        )));
    }
    check_labels(add.iter().chain(&remove))?;
    let mut tx = orchestrator.begin("effect.ask_labels").await?;
    let run = run::require_live(&mut tx, actor).await?;
    require(&mut tx, actor, Operation::IssueWrite, &run).await?;
    let number = own_number(&run, number)?;
    if let Some(there) = recalled(&mut tx, actor, idempotency_key.as_ref()).await? {
        return Ok(there);
    }
    // All writes of an installation share one lane, a second apart: no run may fill it.
    if store::count_of_kind(&mut tx, run.run_id, EffectKind::Labels).await? >= MAX_LABEL_CHANGES_PER_RUN {
        return Err(Error::Capacity(format!(
            "the run has changed labels {MAX_LABEL_CHANGES_PER_RUN} times, the most it may; name several in one call"
        )));
    }
    let origin = Origin::of(&run, Some(number), actor.to_string());
    let effect = insert_ready(&mut tx, &origin, None, Write::Labels { add, remove }).await?;
    idempotency::remember(&mut tx, actor, idempotency_key.as_ref(), &effect.effect_id).await?;
    tx.commit().await?;
    Ok(effect)
}

/// Opens the run's pull request. The agent's call records title and body and waits for the push; the supervisor's, after
/// the push, names the head and releases it. Repeating either changes nothing; with an idempotency key not even what
/// another call said meanwhile.
///
/// # Errors
///
/// `StaleTurn`, `Invalid`, `Forbidden` for an agent that names a head.
pub async fn open_pull_request(
    orchestrator: &Orchestrator,
    actor: &Actor,
    title: Option<String>,
    body: Option<String>,
    head_sha: Option<String>,
    idempotency_key: Option<Key>,
) -> Result<Effect> {
    let supervisor = actor.run().is_some_and(|run| run.side == RunSide::Supervisor);
    if head_sha.is_some() && !supervisor {
        return Err(Error::Forbidden(
            "head_sha is the supervisor's to say: it pushes after the agent's turn".into(),
        ));
    }
    if let Some(title) = &title {
        checked("title", title)?;
        if title.chars().count() > MAX_TITLE || title.contains('\n') {
            return Err(Error::Invalid(format!(
                "title must be one line of at most {MAX_TITLE} characters"
            )));
        }
    }
    if let Some(body) = &body {
        checked("body", body)?;
    }
    let mut tx = orchestrator.begin("effect.open_pull_request").await?;
    let run = run::require_live(&mut tx, actor).await?;
    require(&mut tx, actor, Operation::PullRequestOpen, &run).await?;
    if let Some(there) = recalled(&mut tx, actor, idempotency_key.as_ref()).await? {
        return Ok(there);
    }
    let mut effect = proposed(&mut tx, &run, actor).await?;
    if effect.state == EffectState::Proposed {
        change(&mut effect, title, body, head_sha);
        let has_head = matches!(
            &effect.write,
            Write::PullRequest {
                head_sha: Some(_),
                ..
            }
        );
        if has_head {
            effect.take(EffectEvent::Released)?;
            tx.follow(&effect.traceparent);
            tx.enqueue(ApplyEffect {
                effect_id: effect.effect_id,
            })
            .await?;
        }
        save_and_tell(&mut tx, &effect).await?;
    }
    idempotency::remember(&mut tx, actor, idempotency_key.as_ref(), &effect.effect_id).await?;
    tx.commit().await?;
    Ok(effect)
}

/// The write that the key's first call asked for, as it is now.
async fn recalled(tx: &mut Tx, actor: &Actor, key: Option<&Key>) -> Result<Option<Effect>> {
    match idempotency::recall::<EffectId>(tx, actor, key).await? {
        Some(effect_id) => store::find(tx, effect_id).await,
        None => Ok(None),
    }
}

/// The run's one pull request, made if it is not there.
async fn proposed(tx: &mut Tx, run: &Run, actor: &Actor) -> Result<Effect> {
    let key = pull_request_key(run.run_id, &run.branch);
    if let Some(there) = store::find_by_key_for_update(tx, &key).await? {
        return Ok(there);
    }
    let repository = crate::repository::get(tx, run.repository_id).await?;
    let title = match run.number {
        Some(number) => match crate::work_item::find(tx, run.repository_id, number).await? {
            // The title is other people's text.
            Some(item) if check_text(&item.title).is_ok() => {
                format!("{} (#{number})", item.title.chars().take(200).collect::<String>())
            }
            _ => format!("Work on #{number}"),
        },
        None => format!("Work of run {}", run.run_id),
    };
    let closes = run
        .number
        .map(|number| format!("For #{number}."))
        .unwrap_or_default();
    let write = Write::PullRequest {
        title,
        body: format!("{closes}\n\n<sub>run `{}`</sub>", run.run_id),
        head_branch: run.branch.clone(),
        base_branch: repository.default_branch,
        head_sha: None,
    };
    insert(
        tx,
        &Origin::of(run, run.number, actor.to_string()),
        Some(key),
        write,
        EffectState::Proposed,
    )
    .await
}

fn change(
    effect: &mut Effect,
    new_title: Option<String>,
    new_body: Option<String>,
    new_head: Option<String>,
) {
    let run_line = effect
        .run_id
        .map(|run_id| format!("<sub>run `{run_id}`</sub>"))
        .unwrap_or_default();
    let for_line = effect
        .number
        .map(|number| format!("For #{number}."))
        .unwrap_or_default();
    if let Write::PullRequest {
        title,
        body,
        head_sha,
        ..
    } = &mut effect.write
    {
        if let Some(new) = new_title {
            *title = new;
        }
        if let Some(new) = new_body {
            *body = format!("{}\n\n{for_line}\n\n{run_line}", new.trim_end());
        }
        *head_sha = new_head.or(head_sha.take());
    }
    effect.version += 1;
}

/// Labels that an agent may set and take away: what steers the platform is people's.
pub(super) fn check_labels<'a>(labels: impl IntoIterator<Item = &'a String>) -> Result<()> {
    for label in labels {
        check_form(label)?;
        if steers(label) {
            return Err(Error::Forbidden(format!(
                "the label {label} steers the platform; only people set it"
            )));
        }
    }
    Ok(())
}

/// What GitHub takes as a label.
pub(super) fn check_form(label: &str) -> Result<()> {
    if label.is_empty() || label.chars().count() > 50 || label.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "{label:?} is no label: 1 to 50 characters, none of them hidden"
        )));
    }
    Ok(())
}

/// Whether a label means something to the platform.
pub(super) fn steers(label: &str) -> bool {
    let lower = label.to_lowercase();
    ["run:", "state:"].iter().any(|family| lower.starts_with(family))
}

/// An agent writes to its own issue, and to no other: another's is not there for it.
fn own_number(run: &Run, asked: Option<i64>) -> Result<i64> {
    let own = run
        .number
        .ok_or_else(|| Error::Precondition("this run has no issue".into()))?;
    match asked {
        Some(number) if number != own => Err(Error::not_found("issue", number)),
        _ => Ok(own),
    }
}

pub(super) async fn require(tx: &mut Tx, actor: &Actor, operation: Operation, run: &Run) -> Result<()> {
    access::require(tx, actor, operation, &run::target(run)).await
}

pub(super) fn checked(field: &str, text: &str) -> Result<()> {
    check_text(text).map_err(|fault| {
        let message = format!("{field}: {fault}");
        if fault == TextFault::TooLong {
            Error::TooLarge(message)
        } else {
            Error::Invalid(message)
        }
    })
}
