//! One delivery on its way: what is known, what is decided, and what is done about it, in the caller's transaction.

mod start;

use jiff::Timestamp;

use super::domain::{self, Payload, Verdict};
use super::process::{Examined, HostRead, Look};
use super::store::{Reading, Stored};
use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::effect::{self, NewComment};
use crate::error::{Error, Result};
use crate::id::{DeliveryId, RunId};
use crate::identity;
use crate::knowledge;
use crate::ports::code_host::HostAccount;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::repository::{self, Repository};
use crate::run::{self, Run, RunKind, RunState};
use crate::trace::TraceParent;
use crate::trigger::{
    self, Binding, Decision, Event, Facts, HostFacts, IgnoreReason, IssueFacts, LiveRun, Sender, SenderFacts,
    Wants, Words,
};
use crate::work_item::{self, WorkItem, issue_text_sha256};

/// A delivery being worked on, with all that the database knows of it.
pub(super) struct Case {
    delivery_id: DeliveryId,
    received_at: Timestamp,
    own: Option<i64>,
    pub(super) traceparent: TraceParent,
    /// The run an earlier verdict of this delivery made.
    made_before: Option<RunId>,
    pub(super) event: Event,
    repository: Option<Repository>,
    person: Option<identity::Person>,
    /// The run that is live on the issue or pull request; locked.
    live: Option<Run>,
    /// Ended runs of it that can be gone on with, newest first.
    past: Vec<Run>,
    /// It told where our App may go, and that was noted.
    tells_access: bool,
    /// It told of members of a group that a rule speaks of; they are asked about.
    tells_members: bool,
    /// Why it ended a run.
    pub(super) ended: Option<&'static str>,
    pub(super) reading: Reading,
}

impl Case {
    pub(super) fn new(stored: &Stored, own: Option<i64>) -> Self {
        Self {
            delivery_id: stored.delivery.delivery_id,
            received_at: stored.delivery.received_at,
            own,
            traceparent: TraceParent::accept(Some(&stored.delivery.traceparent)),
            made_before: stored.made_before,
            event: Event::default(),
            repository: None,
            person: None,
            live: None,
            past: Vec::new(),
            tells_access: false,
            tells_members: false,
            ended: None,
            reading: Reading::default(),
        }
    }

    /// Reads what the payload says, and keeps what it tells of issue and repository.
    pub(super) async fn read(&mut self, tx: &mut Tx, name: &str, payload: &Payload) -> Result<()> {
        self.event = domain::event(name, payload);
        let github_repository_id = payload.repository.as_ref().and_then(|repository| repository.id);
        if let Some(access) = domain::host_access(name, payload, self.received_at) {
            repository::host_access_changed(tx, &Actor::System("delivery"), &access).await?;
            self.tells_access = true;
        }
        if let Some((org, team)) = domain::members_changed(name, payload) {
            self.tells_members = identity::rule::changed(tx, org, team).await?;
        }
        if let Some(id) = github_repository_id {
            self.repository = repository::find_by_github_id(tx, id).await?;
        }
        if let Some(repository) = self.repository.take() {
            self.repository = Some(match domain::sighting(payload) {
                Some(sighting) => repository::seen(tx, repository, &sighting).await?,
                None => repository,
            });
        }
        let own_hands = self.event.sender.clone();
        if let Some(behind) = self.person_behind(tx).await? {
            self.event.sender = Some(behind);
        }
        if let Some(sender) = &self.event.sender {
            self.person = identity::find_by_github_user_id(tx, sender.github_user_id).await?;
        }
        self.reading = Reading {
            action: payload.action.clone(),
            github_repository_id,
            number: self.event.number,
            label: self.event.label.clone(),
            item_updated_at: self.event.updated_at.as_deref().and_then(domain::moment),
            sender_github_user_id: own_hands.as_ref().map(|sender| sender.github_user_id),
            sender_login: own_hands.map(|sender| sender.login),
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
        if let Some(repository) = &self.repository
            && self.event.pushes_default_branch
        {
            knowledge::want(tx, repository).await?;
        }
        Ok(())
    }

    /// The person for whom our App set or took away the label, with write permission at the code host: what follows is
    /// decided as if they had with their own hands.
    async fn person_behind(&self, tx: &mut Tx) -> Result<Option<Sender>> {
        let by_us = self.own.is_some() && self.event.sender.as_ref().map(|it| it.github_user_id) == self.own;
        let set = match self.event.action.as_str() {
            "labeled" => true,
            "unlabeled" => false,
            _ => return Ok(None),
        };
        let (true, Some(repository), Some(number), Some(label)) =
            (by_us, &self.repository, self.event.number, &self.event.label)
        else {
            return Ok(None);
        };
        let when = (set, self.received_at);
        let behind = effect::person_behind_label(tx, repository.repository_id, number, label, when).await?;
        let Some(person_id) = behind else { return Ok(None) };
        let person = identity::get(tx, person_id).await?;
        Ok(Some(Sender {
            github_user_id: person.github_user_id,
            login: person.login,
            is_user: true,
        }))
    }

    /// Decides and does what was decided, or says what to look at first.
    pub(super) async fn verdict(&mut self, tx: &mut Tx, read: Option<HostRead>) -> Result<Examined> {
        if let (Some(repository), Some(read)) = (&self.repository, &read)
            && let Some(issue) = &read.issue
        {
            work_item::save(tx, &WorkItem::read(repository.repository_id, issue)).await?;
        }
        if self.tells_access || self.tells_members {
            return Ok(Examined::Settled(Verdict::Recorded));
        }
        let host = read.map(host_facts);
        let text_sha256 = host
            .as_ref()
            .and_then(|host| host.issue.as_ref())
            .map(|issue| issue.text_sha256.clone());
        let facts = self.facts(tx, host).await?;
        let rules = match &self.repository {
            Some(repository) => trigger::rules(tx, repository.project_id, self.event.source).await?,
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
            Decision::Start(start) => self.start(tx, start, text_sha256).await?,
            Decision::Join => self.join(tx).await?,
            Decision::End(why) => self.end(tx, why).await?,
            Decision::TrustText => self.trust_text(tx).await?,
        };
        Ok(Examined::Settled(verdict))
    }

    pub(super) async fn facts(&mut self, tx: &mut Tx, host: Option<HostFacts>) -> Result<Facts> {
        let mut facts = Facts {
            binding: if self.reading.github_repository_id.is_some() {
                Binding::NotBound
            } else {
                Binding::NoRepository
            },
            own_github_user_id: self.own,
            sender: SenderFacts::Unknown,
            live: None,
            past: Vec::new(),
            models: Vec::new(),
            host,
        };
        let Some(repository) = &self.repository else {
            return Ok(facts);
        };
        facts.binding = if repository.detached_at.is_some() {
            Binding::Detached
        } else if repository.suspension.is_some() {
            Binding::Suspended
        } else {
            let project = crate::project::get(tx, repository.project_id).await?;
            Binding::Bound {
                paused: project.paused_at.is_some(),
            }
        };
        facts.sender = self.sender(tx, repository).await?;
        if let Some(number) = self.event.number {
            self.live = run::find_live(tx, repository.repository_id, number).await?;
            if self.event.review_id.is_some() {
                // Whoever reviews the pull request beside is not the one who is to change it.
                self.live = run::find_live_behind(tx, repository.repository_id, number).await?;
            }
            facts.live = self.live.as_ref().map(|run| LiveRun {
                stage: run.stage.clone(),
                kind: run.kind,
                gathers: run.gathers(),
                finishing: run.state == RunState::Finishing,
            });
            if self.event.label.is_some() || self.event.review_id.is_some() {
                let on_pull_request = self.event.on_pull_request;
                self.past = run::continuable(tx, repository.repository_id, number, on_pull_request).await?;
                facts.past = self.past.iter().map(|run| run.stage.clone()).collect();
            }
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

    async fn end(&mut self, tx: &mut Tx, why: &'static str) -> Result<Verdict> {
        let mut ended = None;
        if let Some(run) = self.live.take() {
            let reviews = run.kind == RunKind::Review;
            ended = self.end_one(tx, run, why).await?;
            // Who reviews a pull request and who works on it are two, and both end with it; with its label one does.
            if reviews && self.event.action != "unlabeled" {
                let (repository_id, number) = (self.repository()?.repository_id, self.number()?);
                if let Some(run) = run::find_live_behind(tx, repository_id, number).await? {
                    ended = self.end_one(tx, run, why).await?.or(ended);
                }
            }
        }
        self.ended = ended.map(|_| why);
        Ok(ended.map_or(Verdict::Ignored(IgnoreReason::NothingToEnd), Verdict::RunEnded))
    }

    async fn end_one(&self, tx: &mut Tx, run: Run, why: &'static str) -> Result<Option<RunId>> {
        let ended = run::end(tx, &self.actor(), run, why).await?;
        if let Some(run_id) = ended {
            self.note(tx, "run_end", run_id, why).await?;
        }
        Ok(ended)
    }

    async fn trust_text(&mut self, tx: &mut Tx) -> Result<Verdict> {
        let (after, before) = (
            &self.event.issue_text_sha256,
            &self.event.issue_text_sha256_before,
        );
        if let (Some(run), Some(before), Some(after)) = (self.live.take(), before, after) {
            let run_id = run.run_id;
            if run::trust_text(tx, &self.actor(), run, before, after).await? {
                let rule = "the editor may start runs and has write permission";
                self.note(tx, "run_trust_text", run_id, rule).await?;
            }
        }
        Ok(Verdict::Recorded)
    }

    /// Writes down what the event did to a run: the sender proved it at the code host.
    async fn note(&self, tx: &mut Tx, operation: &str, run_id: RunId, rule: &str) -> Result<()> {
        let entry = Entry {
            actor: &self.actor(),
            operation,
            object_kind: "run",
            object_id: &run_id.to_string(),
            project_id: self.reading.project_id,
            allowed: true,
            rule,
        };
        audit::record(tx, &entry).await
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
        let what = match &self.event.label {
            Some(label) => format!("`{label}`"),
            None => "The review".to_owned(),
        };
        let repository = self.repository()?;
        let comment = NewComment {
            project_id: repository.project_id,
            repository_id: repository.repository_id,
            number: self.number()?,
            run_id: None,
            key: Some(key),
            body: format!("{what} started nothing. {} {}", words.sentence, words.next),
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
            text_sha256: issue_text_sha256(&issue.title, &issue.body),
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
        IgnoreReason::BodyChanged
            | IgnoreReason::UnknownModel
            | IgnoreReason::UnknownEffort
            | IgnoreReason::NothingToContinue
            | IgnoreReason::ForeignHead
    )
}
