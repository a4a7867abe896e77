//! From a delivery to its verdict.

use super::domain::{self, Payload, Verdict};
use super::store::{self, Reading};
use crate::actor::Actor;
use crate::effect::{self, NewComment};
use crate::error::{Error, Result};
use crate::id::DeliveryId;
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::ports::code_host::{HostAccount, HostIssue, HostPermission, RepositoryRef};
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::repository::{self, Repository};
use crate::run::{self, NewRun, Queued};
use crate::trace::TraceParent;
use crate::trigger::{
    self, Binding, Decision, Event, Facts, HostFacts, IgnoreReason, IssueFacts, SenderFacts, Start, Wants,
    Words,
};
use crate::work_item::{self, WorkItem};

/// What a look at a delivery came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Examined {
    Settled(Verdict),
    /// Read this at the code host, then call [`settle`].
    Look(Look),
}

/// What to read before a delivery can be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub at: RepositoryRef,
    pub number: i64,
    /// The sender, under the login of the event and the one we know it by; the number is the same.
    pub sender: Vec<HostAccount>,
    pub wants: Wants,
}

impl Look {
    pub fn is_sender(&self, account: &HostAccount) -> bool {
        self.sender
            .iter()
            .any(|sender| sender.github_user_id == account.github_user_id)
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRead {
    /// None: the code host knows no such issue.
    pub issue: Option<HostIssue>,
    pub sender_permission: HostPermission,
    pub author_permission: HostPermission,
}

/// Settles a delivery that needs no look at the code host; says what to look at for one that does.
///
/// `own_github_user_id` is the account our App acts as.
///
/// # Errors
///
/// `NotFound`, `Unavailable`.
pub async fn examine(
    orchestrator: &Orchestrator,
    delivery_id: DeliveryId,
    own_github_user_id: Option<i64>,
) -> Result<Examined> {
    process(
        orchestrator,
        "delivery.examine",
        delivery_id,
        own_github_user_id,
        None,
    )
    .await
}

/// Decides with what was read, and does what was decided, in one transaction. A settled delivery answers its verdict.
///
/// # Errors
///
/// `NotFound`, `Unavailable`.
pub async fn settle(
    orchestrator: &Orchestrator,
    delivery_id: DeliveryId,
    own_github_user_id: Option<i64>,
    read: HostRead,
) -> Result<Verdict> {
    let examined = process(
        orchestrator,
        "delivery.settle",
        delivery_id,
        own_github_user_id,
        Some(read),
    )
    .await?;
    match examined {
        Examined::Settled(verdict) => Ok(verdict),
        Examined::Look(_) => Err(Error::internal("a delivery wants to look twice")),
    }
}

/// Notes that an attempt failed; the last one is the verdict.
pub async fn attempt_failed(
    orchestrator: &Orchestrator,
    delivery_id: DeliveryId,
    why: &str,
    last: bool,
) -> Result<()> {
    let mut tx = orchestrator.begin("delivery.attempt_failed").await?;
    if store::failed_attempt(&mut tx, delivery_id, why, last).await? && last {
        count(&Verdict::Failed(String::new()));
    }
    tx.commit().await
}

async fn process(
    orchestrator: &Orchestrator,
    name: &'static str,
    delivery_id: DeliveryId,
    own: Option<i64>,
    read: Option<HostRead>,
) -> Result<Examined> {
    let mut tx = orchestrator.begin(name).await?;
    let stored = store::get_for_update(&mut tx, delivery_id).await?;
    if let Some(verdict) = stored.delivery.verdict {
        return Ok(Examined::Settled(verdict));
    }
    let payload = stored
        .body
        .as_deref()
        .and_then(|body| domain::parse(stored.content_type.as_deref(), body));
    let mut case = Case {
        delivery_id,
        own,
        traceparent: TraceParent::accept(Some(&stored.delivery.traceparent)),
        made_before: stored.made_before,
        event: Event::default(),
        repository: None,
        person: None,
        reading: Reading::default(),
    };
    let verdict = match &payload {
        None => Verdict::Ignored(IgnoreReason::Unreadable),
        Some(payload) => {
            case.read(&mut tx, &stored.delivery.event, payload).await?;
            match case.verdict(&mut tx, read).await? {
                Examined::Settled(verdict) => verdict,
                look @ Examined::Look(_) => {
                    // Whose it is is known from now on, so its people can see it wait.
                    store::note_reading(&mut tx, delivery_id, &case.reading).await?;
                    tx.commit().await?;
                    return Ok(look);
                }
            }
        }
    };
    case.reading.detail = domain::detail(&case.event);
    store::settle(&mut tx, delivery_id, &case.reading, &verdict).await?;
    let lag = tx.now().duration_since(stored.delivery.received_at);
    tx.commit().await?;
    count(&verdict);
    metrics::histogram!("codex_delivery_lag_seconds").record(lag.as_secs_f64().max(0.0));
    Ok(Examined::Settled(verdict))
}

fn count(verdict: &Verdict) {
    let reason = verdict.reason().unwrap_or_default();
    metrics::counter!("codex_delivery_verdicts_total", "verdict" => verdict.word(), "reason" => reason)
        .increment(1);
}

/// A delivery being worked on, with all that the database knows of it.
struct Case {
    delivery_id: DeliveryId,
    own: Option<i64>,
    traceparent: TraceParent,
    /// The run an earlier verdict of this delivery made.
    made_before: Option<crate::id::RunId>,
    event: Event,
    repository: Option<Repository>,
    person: Option<identity::Person>,
    reading: Reading,
}

impl Case {
    async fn read(&mut self, tx: &mut Tx, name: &str, payload: &Payload) -> Result<()> {
        self.event = domain::event(name, payload);
        let github_repository_id = payload.repository.as_ref().and_then(|repository| repository.id);
        if let Some(id) = github_repository_id {
            self.repository = repository::find_by_github_id(tx, id).await?;
        }
        if let Some(sender) = &self.event.sender {
            self.person = identity::find_by_github_user_id(tx, sender.github_user_id).await?;
        }
        self.reading = Reading {
            action: payload.action.clone(),
            github_repository_id,
            number: self.event.number,
            sender_github_user_id: self.event.sender.as_ref().map(|sender| sender.github_user_id),
            sender_login: self.event.sender.as_ref().map(|sender| sender.login.clone()),
            repository_id: self
                .repository
                .as_ref()
                .map(|repository| repository.repository_id),
            project_id: self.repository.as_ref().map(|repository| repository.project_id),
            detail: None,
        };
        if let Some(repository) = &self.repository
            && let Some(item) = domain::projection(repository.repository_id, payload)
        {
            work_item::save(tx, &item).await?;
        }
        Ok(())
    }

    async fn verdict(&self, tx: &mut Tx, read: Option<HostRead>) -> Result<Examined> {
        if let (Some(repository), Some(read)) = (&self.repository, &read)
            && let Some(issue) = &read.issue
        {
            work_item::save(tx, &WorkItem::read(repository.repository_id, issue)).await?;
        }
        let host = read.map(host_facts);
        let body_sha256 = host
            .as_ref()
            .and_then(|host| host.issue.as_ref())
            .map(|issue| issue.body_sha256.clone());
        let facts = self.facts(tx, host).await?;
        let rules = match &self.repository {
            Some(repository) => trigger::rules(tx, repository.project_id).await?,
            None => Vec::new(),
        };
        let decision = trigger::decide(&rules, &self.event, &facts);
        let verdict = match decision {
            Decision::Look(wants) => return self.look(wants),
            Decision::Record => Verdict::Recorded,
            Decision::Ignore(reason) => {
                if facts.host.is_some() && worth_a_word(reason) {
                    self.say(tx, reason.explain()).await?;
                }
                Verdict::Ignored(reason)
            }
            Decision::Conflict(reason) => self.conflict(tx, reason).await?,
            Decision::Start(start) => self.start(tx, start, body_sha256).await?,
            Decision::End(why) => self.end(tx, why).await?,
            Decision::TrustText => self.trust_text(tx).await?,
        };
        Ok(Examined::Settled(verdict))
    }

    async fn facts(&self, tx: &mut Tx, host: Option<HostFacts>) -> Result<Facts> {
        let mut facts = Facts {
            binding: if self.reading.github_repository_id.is_some() {
                Binding::NotBound
            } else {
                Binding::NoRepository
            },
            own_github_user_id: self.own,
            sender: SenderFacts::Unknown,
            live_stage: None,
            models: Vec::new(),
            host,
        };
        let Some(repository) = &self.repository else {
            return Ok(facts);
        };
        facts.binding = if repository.detached_at.is_some() {
            Binding::Detached
        } else {
            let project = crate::project::get(tx, repository.project_id).await?;
            Binding::Bound {
                paused: project.paused_at.is_some(),
            }
        };
        facts.sender = self.sender(tx, repository).await?;
        if let Some(number) = self.event.number {
            let live = run::find_live(tx, repository.repository_id, number).await?;
            facts.live_stage = live.map(|run| run.stage);
        }
        facts.models = crate::agent::list_models(tx)
            .await?
            .into_iter()
            .map(|model| model.model)
            .collect();
        Ok(facts)
    }

    async fn sender(&self, tx: &mut Tx, repository: &Repository) -> Result<SenderFacts> {
        let Some(person) = &self.person else {
            return Ok(SenderFacts::Unknown);
        };
        if person.disabled_at.is_some() {
            return Ok(SenderFacts::Disabled);
        }
        let (actor, target) = (person.actor(), repository.target());
        Ok(SenderFacts::Known {
            may_start: access::allows(tx, &actor, Operation::RunStart, &target).await?,
            may_start_elevated: access::allows(tx, &actor, Operation::RunStartElevated, &target).await?,
        })
    }

    fn look(&self, wants: Wants) -> Result<Examined> {
        let told = self.event.sender.as_ref();
        let told = told.map(|sender| (sender.github_user_id, &sender.login));
        let known = self.person.as_ref();
        let known = known.map(|person| (person.github_user_id, &person.login));
        let accounts = told.into_iter().chain(known.filter(|known| Some(*known) != told));
        let sender = accounts.map(|(github_user_id, login)| HostAccount {
            github_user_id,
            login: login.clone(),
        });
        Ok(Examined::Look(Look {
            at: self.repository()?.at(),
            number: self.number()?,
            sender: sender.collect(),
            wants,
        }))
    }

    async fn start(&self, tx: &mut Tx, start: Start, body_sha256: Option<String>) -> Result<Verdict> {
        let (repository, number) = (self.repository()?, self.number()?);
        let person = self
            .person
            .as_ref()
            .ok_or_else(|| Error::internal("a run without a starter"))?;
        let actor = person.actor();
        let elevated = crate::agent::stage(&start.stage).is_some_and(|stage| stage.elevated);
        let operation = if elevated {
            Operation::RunStartElevated
        } else {
            Operation::RunStart
        };
        let label = self.event.label.as_deref().unwrap_or_default();
        let updated_at = self.event.updated_at.as_deref().unwrap_or_default();
        let new = NewRun {
            project_id: repository.project_id,
            repository_id: repository.repository_id,
            number: Some(number),
            stage: start.stage,
            source_key: Some(domain::source_key(
                repository.github_repository_id,
                number,
                label,
                updated_at,
            )),
            delivery_id: Some(self.delivery_id),
            retry_of: None,
            cause_depth: 0,
            started_by: Some(person.person_id),
            body_sha256,
            instruction: None,
            model: start.model,
            effort: start.effort,
            traceparent: self.traceparent.child(),
        };
        match run::queue(tx, &actor, new).await? {
            Queued::Created(run_id) => {
                // Decided above under the same locks; this writes it down, for the run that is made.
                access::require(tx, &actor, operation, &repository.target()).await?;
                Ok(Verdict::RunCreated(run_id))
            }
            Queued::SourceKeyUsed(run_id) if self.made_before == Some(run_id) => {
                Ok(Verdict::RunCreated(run_id))
            }
            Queued::SourceKeyUsed(_) => Ok(Verdict::Ignored(IgnoreReason::AlreadyUsed)),
            Queued::LiveRunExists(run_id) => {
                // However often the label comes and goes, people read it once for each run in its way.
                let reason = trigger::ConflictReason::LiveRunExists;
                self.say_once(tx, reason.explain(), format!("live run {run_id}"))
                    .await?;
                Ok(Verdict::Conflict(reason))
            }
        }
    }

    async fn end(&self, tx: &mut Tx, why: &'static str) -> Result<Verdict> {
        let repository_id = self.repository()?.repository_id;
        let ended = run::end_for_work_item(tx, &self.actor(), repository_id, self.number()?, why).await?;
        Ok(ended.map_or(Verdict::Ignored(IgnoreReason::NothingToEnd), Verdict::RunEnded))
    }

    async fn trust_text(&self, tx: &mut Tx) -> Result<Verdict> {
        if let Some(body_sha256) = &self.event.body_sha256 {
            let repository_id = self.repository()?.repository_id;
            run::trust_body(tx, &self.actor(), repository_id, self.number()?, body_sha256).await?;
        }
        Ok(Verdict::Recorded)
    }

    async fn conflict(&self, tx: &mut Tx, reason: trigger::ConflictReason) -> Result<Verdict> {
        self.say(tx, reason.explain()).await?;
        Ok(Verdict::Conflict(reason))
    }

    /// Says on the issue why nothing starts; a replay says it once.
    async fn say(&self, tx: &mut Tx, words: Words) -> Result<()> {
        self.say_once(tx, words, format!("delivery {}", self.delivery_id))
            .await
    }

    async fn say_once(&self, tx: &mut Tx, words: Words, key: String) -> Result<()> {
        let label = self.event.label.as_deref().unwrap_or_default();
        let repository = self.repository()?;
        let comment = NewComment {
            project_id: repository.project_id,
            repository_id: repository.repository_id,
            number: self.number()?,
            run_id: None,
            key: Some(key),
            body: format!("`{label}` started nothing. {} {}", words.sentence, words.next),
            actor: Actor::System("delivery").to_string(),
            traceparent: self.traceparent.clone(),
        };
        effect::stage_comment(tx, comment).await?;
        Ok(())
    }

    /// The sender if it is known; else the code host, which let the sender do it there.
    fn actor(&self) -> Actor {
        let known = self.person.as_ref().filter(|person| person.disabled_at.is_none());
        known.map_or(Actor::System("code_host"), identity::Person::actor)
    }

    fn repository(&self) -> Result<&Repository> {
        self.repository
            .as_ref()
            .ok_or_else(|| Error::internal("a decision without a repository"))
    }

    fn number(&self) -> Result<i64> {
        self.event
            .number
            .ok_or_else(|| Error::internal("a decision without a number"))
    }
}

fn host_facts(read: HostRead) -> HostFacts {
    HostFacts {
        issue: read.issue.map(|issue| IssueFacts {
            open: issue.open,
            is_pull_request: issue.is_pull_request,
            body_sha256: domain::text_sha256(&issue.body),
            labels: issue.labels,
            author_permission: read.author_permission,
        }),
        permission: read.sender_permission,
    }
}

/// Reasons that the person who labelled the issue cannot see otherwise, and may be told: it was authorised.
fn worth_a_word(reason: IgnoreReason) -> bool {
    matches!(
        reason,
        IgnoreReason::BodyChanged | IgnoreReason::UnknownModel | IgnoreReason::UnknownEffort
    )
}
