//! Writes that a person asks for outside of any run. The platform's App makes them, in that person's name: whoever may not
//! write at GitHub with their own hands may not by ours.

use jiff::{SignedDuration, Timestamp};

use super::Effect;
use super::ask::{MAX_LABELS, MAX_TITLE, check_form, checked, steers};
use super::stage::{Origin, insert_ready};
use crate::actor::Actor;
use crate::effect::domain::Write;
use crate::effect::store;
use crate::error::{Error, Result};
use crate::id::{EffectId, PersonId, RepositoryId};
use crate::idempotency::{self, Key};
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::port_call::{self, Answer, Question};
use crate::ports::code_host::{HostPermission, IssueDraft};
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};
use crate::repository::{self, Repository};
use crate::trace::TraceParent;

/// Writes that one person may ask for in an hour: all writes of an installation share one lane, a second apart.
pub const MAX_WRITES_AN_HOUR: i64 = 60;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Comments on an issue or pull request in the asker's name. With a key a repeat is the same comment; without one each call
/// is one of its own.
///
/// # Errors
///
/// `NotFound`, `Forbidden` without the right or without write permission at GitHub, `Precondition` for a program, `Invalid`
/// or `TooLarge` for a text that must not leave, `RateLimited`.
pub async fn ask_comment_of_person(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (repository_id, number): (RepositoryId, i64),
    body: &str,
    key: Option<Key>,
    trace: &TraceParent,
) -> Result<Effect> {
    checked("body", body)?;
    let ask = Ask::begin(orchestrator, actor, repository_id, Operation::IssueWrite, trace).await?;
    let write = Write::Comment {
        body: ask.signed(body),
    };
    ask.write(orchestrator, Some(number), write, key).await
}

/// Changes labels of an issue or pull request in the asker's name. A label that steers the platform does what it does when
/// the person sets it at GitHub: the delivery decides.
///
/// # Errors
///
/// As [`ask_comment_of_person`].
pub async fn ask_labels_of_person(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (repository_id, number): (RepositoryId, i64),
    (add, remove): (Vec<String>, Vec<String>),
    key: Option<Key>,
    trace: &TraceParent,
) -> Result<Effect> {
    if add.is_empty() && remove.is_empty() || add.len() + remove.len() > MAX_LABELS {
        return Err(Error::Invalid(format!(
            "name 1 to {MAX_LABELS} labels in add and remove"
        )));
    }
    add.iter()
        .chain(&remove)
        .try_for_each(|label| check_form(label))?;
    let ask = Ask::begin(orchestrator, actor, repository_id, Operation::IssueWrite, trace).await?;
    ask.write(orchestrator, Some(number), Write::Labels { add, remove }, key)
        .await
}

/// Opens an issue in the asker's name. Labels that steer the platform are set afterwards, with the issue's number.
///
/// # Errors
///
/// As [`ask_comment_of_person`]; `Forbidden` for `run:*` and `state:*` too.
pub async fn ask_issue_of_person(
    orchestrator: &Orchestrator,
    actor: &Actor,
    repository_id: RepositoryId,
    draft: IssueDraft,
    key: Option<Key>,
    trace: &TraceParent,
) -> Result<Effect> {
    let IssueDraft { title, body, labels } = draft;
    checked("title", &title)?;
    checked("body", &body)?;
    if labels.len() > MAX_LABELS {
        return Err(Error::Invalid(format!("labels: at most {MAX_LABELS}")));
    }
    if labels.iter().any(|label| steers(label)) {
        return Err(Error::Forbidden(
            "labels: what steers the platform (run:*, state:*) is set with issue_label when the issue is there".into(),
        ));
    }
    labels.iter().try_for_each(|label| check_form(label))?;
    if title.chars().count() > MAX_TITLE || title.contains(char::is_control) {
        return Err(Error::Invalid(format!(
            "title must be one line of at most {MAX_TITLE} characters"
        )));
    }
    let ask = Ask::begin(orchestrator, actor, repository_id, Operation::IssueCreate, trace).await?;
    let body = ask.signed(&body);
    ask.write(orchestrator, None, Write::Issue { title, body, labels }, key)
        .await
}

/// The person who had the App set or take away this label last, if a person did: GitHub names the App alone as the sender.
pub(crate) async fn person_behind_label(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    label: &str,
    (set, told_at): (bool, Timestamp),
) -> Result<Option<PersonId>> {
    store::person_behind_label(tx, repository_id, number, label, set, told_at).await
}

/// A write that somebody may ask for.
struct Ask<'a> {
    actor: &'a Actor,
    trace: &'a TraceParent,
    operation: Operation,
    repository: Repository,
    person_id: PersonId,
    login: String,
}

impl<'a> Ask<'a> {
    /// Looks whether the asker may here, and at GitHub now.
    async fn begin(
        orchestrator: &Orchestrator,
        actor: &'a Actor,
        repository_id: RepositoryId,
        operation: Operation,
        trace: &'a TraceParent,
    ) -> Result<Self> {
        let repository = repository::read(orchestrator, actor, repository_id).await?;
        let mut tx = orchestrator.look("effect.ask_of_person").await?;
        access::permit(&mut tx, actor, operation, &repository.target()).await?;
        let Some(person_id) = actor.person_id() else {
            return Err(Error::Precondition(
                "a program is nobody at GitHub, and this is written in a person's name: sign in and ask again".into(),
            ));
        };
        let person = identity::get(&mut tx, person_id).await?;
        drop(tx);
        repository.require_reachable()?;
        let question = Question::Permission {
            repository_id,
            github_user_id: person.github_user_id,
            login: person.login.clone(),
        };
        let Answer::Permission { permission } = port_call::ask(orchestrator, actor, &question, trace).await?
        else {
            return Err(Error::internal("a permission was answered with something else"));
        };
        if permission < HostPermission::Write {
            return Err(Error::Forbidden(format!(
                "{} has no write permission in {}/{} at GitHub now; ask an administrator of the repository",
                person.login, repository.owner, repository.name
            )));
        }
        Ok(Self {
            actor,
            trace,
            operation,
            repository,
            person_id,
            login: person.login,
        })
    }

    /// The App's name stands over it at GitHub: the text says whose words they are.
    fn signed(&self, body: &str) -> String {
        format!("{}\n\n<sub>written by `{}`</sub>", body.trim_end(), self.login)
    }

    async fn write(
        self,
        orchestrator: &Orchestrator,
        number: Option<i64>,
        write: Write,
        key: Option<Key>,
    ) -> Result<Effect> {
        let mut tx = orchestrator.begin("effect.write_of_person").await?;
        let id = self.repository.repository_id;
        let target = match number {
            Some(number) => Target::new(self.repository.project_id, "issue", format!("{id}#{number}")),
            None => self.repository.target(),
        };
        access::require(&mut tx, self.actor, self.operation, &target).await?;
        if let Write::Labels { add, .. } = &write
            && add.iter().any(|label| steers(label))
        {
            access::require(
                &mut tx,
                self.actor,
                Operation::RunStart,
                &self.repository.target(),
            )
            .await?;
        }
        if let Some(there) = idempotency::recall::<EffectId>(&mut tx, self.actor, key.as_ref()).await? {
            let there = store::find(&mut tx, there).await?;
            return there.ok_or_else(|| Error::not_found("effect", "of this idempotency_key"));
        }
        self.require_room(&mut tx).await?;
        let origin = Origin {
            project_id: self.repository.project_id,
            repository_id: id,
            number,
            run: None,
            actor: self.actor.to_string(),
            asked_by: Some(self.person_id),
            traceparent: self.trace.as_str(),
        };
        let effect = insert_ready(&mut tx, &origin, None, write).await?;
        idempotency::remember(&mut tx, self.actor, key.as_ref(), &effect.effect_id).await?;
        tx.commit().await?;
        Ok(effect)
    }

    /// One person's asks wait for each other here, so that none is miscounted.
    async fn require_room(&self, tx: &mut Tx) -> Result<()> {
        let since = tx.now() - HOUR;
        if store::count_of_person(tx, self.person_id, since).await? < MAX_WRITES_AN_HOUR {
            return Ok(());
        }
        Err(Error::RateLimited {
            message: format!("{MAX_WRITES_AN_HOUR} writes in one person's name within an hour are the most"),
            retry_after_ms: 60_000,
        })
    }
}
