//! Tokens that staff have: programs' tokens and personal ones, as they are listed, made and revoked by tools.
//!
//! What a token makes is narrower than itself and ends with it: who stole a token, or was let in as a client, keeps
//! nothing when it is revoked.

use jiff::{SignedDuration, Timestamp};

use super::domain::{Narrowing, check_toolsets, narrower};
use super::jwt::SignedToken;
use super::person::TokenOrigin;
use super::service::{insert_token, revoke_token, sign};
use super::store::staff as store;
use super::store::{self as tokens, Bearer, Token};
use crate::actor::{Actor, PlatformRole, Role};
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{GrantId, PersonId, ProjectId, TokenId};
use crate::idempotency::{self, Key};
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};

/// A token made by a tool lives at most so many days.
pub const MAX_MADE_DAYS: i64 = 90;
/// Named tokens of one project, or of one person, that count at once.
pub const MAX_LIVE_TOKENS: i64 = 50;

/// Whose tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The programs' of a project.
    Project(ProjectId),
    /// A person's own.
    Person(PersonId),
    /// The programs' that look after the whole installation.
    Platform,
    /// This one alone: what a program calls with is its own.
    Token(TokenId),
}

/// What a token was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    Token(TokenId),
    Grant(GrantId),
}

/// What a named token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFor {
    Project(ProjectId, Role),
    Person(PersonId),
    Platform(PlatformRole),
}

/// A named token, without its value: that is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedToken {
    pub token_id: TokenId,
    pub name: String,
    pub made_for: TokenFor,
    pub narrowing: Narrowing,
    /// Who made it with a tool; none for what the command line made.
    pub made_by: Option<String>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// To the minute.
    pub last_used_at: Option<Timestamp>,
    /// Neither revoked nor expired.
    pub is_live: bool,
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: String,
    /// A program's, with this role; else a personal one of whoever asks.
    pub program: Option<(ProjectId, Role)>,
    pub days: i64,
    pub narrowing: Narrowing,
}

/// The named tokens of somebody, newest first: one's own, a project's, or others' for who may disable people.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn list_tokens(
    orchestrator: &Orchestrator,
    actor: &Actor,
    holder: Option<Holder>,
    ask: PageAsk,
) -> Result<Page<NamedToken>> {
    let mut tx = orchestrator.look("credential.list_tokens").await?;
    let holder = match holder {
        Some(holder) => holder,
        None => own(actor)?,
    };
    require_reader(&mut tx, actor, holder).await?;
    let now = tx.now();
    let rows = store::list(&mut tx, holder, ask).await?;
    let rows = rows.into_iter().map(|row| row.seen(now)).collect::<Result<_>>()?;
    Ok(ask.page(rows, |token: &NamedToken| token.token_id.uuid()))
}

/// Makes a token with the rights of one role in a project, or a personal one. Its value is in this answer alone: a repeat
/// under the same key answers the token without it.
///
/// # Errors
///
/// `Invalid`, `NotFound`, `Forbidden` for one that would be wider than what it is made with, `Capacity`.
pub async fn make_token(
    orchestrator: &Orchestrator,
    actor: &Actor,
    maker: TokenId,
    audience: &str,
    new: NewToken,
    key: Option<Key>,
) -> Result<(NamedToken, Option<SignedToken>)> {
    check(&new)?;
    let mut tx = orchestrator.begin("credential.make_token").await?;
    let (bearer, holder, operation, project_id, rule) = bearer(&mut tx, actor, &new).await?;
    if let Some(made) = idempotency::recall::<TokenId>(&mut tx, actor, key.as_ref()).await? {
        return Ok((get(&mut tx, made).await?, None));
    }
    store::hold(&mut tx, maker).await?;
    let made_with = tokens::find_token(&mut tx, maker).await?;
    let made_with = made_with
        .filter(|token| token.revoked_at.is_none())
        .ok_or_else(|| Error::Forbidden("the token this is asked with was revoked; stop using it".into()))?;
    let narrowing = narrower(&made_with.narrowing, new.narrowing).map_err(Error::Forbidden)?;
    let (parent, ends_at) = parent(&mut tx, &made_with).await?;
    let wanted = tx.now() + SignedDuration::from_hours(24 * new.days);
    let expires_at = ends_at.map_or(wanted, |ends_at| ends_at.min(wanted));
    store::lock_making(&mut tx, holder).await?;
    if store::count_live(&mut tx, holder).await? >= MAX_LIVE_TOKENS {
        return Err(Error::Capacity(format!(
            "there are {MAX_LIVE_TOKENS} tokens already; revoke one that nobody needs"
        )));
    }
    let jti = insert_token(&mut tx, audience, bearer, expires_at, narrowing).await?;
    store::set_maker(&mut tx, jti, actor, parent).await?;
    audit::record_done(&mut tx, actor, &operation, ("token", jti), project_id, &rule).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &jti).await?;
    let token = get(&mut tx, jti).await?;
    tx.commit().await?;
    let signed = sign(orchestrator, jti).await?;
    Ok((token, Some(signed)))
}

/// Ends a named token and all that was made with it: they fail at the next call, in every process. Asking twice changes
/// nothing.
///
/// # Errors
///
/// `NotFound` if it is not the asker's to see, `Forbidden` if it sees but may not.
pub async fn end_token(
    orchestrator: &Orchestrator,
    actor: &Actor,
    token_id: TokenId,
    key: Option<Key>,
) -> Result<NamedToken> {
    let mut tx = orchestrator.begin("credential.end_token").await?;
    let unknown = || Error::not_found("token", token_id);
    let token = find(&mut tx, token_id).await?.ok_or_else(unknown)?;
    let (project_id, rule) = match token.made_for {
        _ if own(actor).ok() == Some(Holder::Token(token_id)) => (None, "own".to_owned()),
        TokenFor::Project(project_id, _) => {
            let target = Target::new(project_id, "token", token_id);
            let rule = access::permit(&mut tx, actor, Operation::ServiceTokenSet, &target).await?;
            (Some(project_id), rule)
        }
        TokenFor::Person(person_id) => {
            let rule = identity::rule_over(&mut tx, actor, person_id).await?;
            (None, rule.ok_or_else(unknown)?.to_owned())
        }
        TokenFor::Platform(_) => {
            let (operation, id) = (Operation::SettingSet, token_id.to_string());
            let rule = access::permit_platform(&mut tx, actor, operation, "token", &id).await?;
            (None, rule)
        }
    };
    if idempotency::recall::<TokenId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(token);
    }
    if token.revoked_at.is_none() {
        revoke_token(&mut tx, token_id).await?;
        let object = ("token", token_id);
        audit::record_done(&mut tx, actor, "token_revoke", object, project_id, &rule).await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &token_id).await?;
    let token = get(&mut tx, token_id).await?;
    tx.commit().await?;
    Ok(token)
}

/// Whose tokens an actor's own are.
fn own(actor: &Actor) -> Result<Holder> {
    match actor {
        Actor::Person { person_id, .. } => Ok(Holder::Person(*person_id)),
        Actor::Service { token_id, .. } | Actor::Platform { token_id, .. } => Ok(Holder::Token(*token_id)),
        Actor::Run(_) | Actor::System(_) => Err(Error::Invalid("project_id: say whose tokens".into())),
    }
}

async fn require_reader(tx: &mut Tx, actor: &Actor, holder: Holder) -> Result<()> {
    match holder {
        Holder::Project(project_id) => {
            let target = Target::new(project_id, "project", project_id);
            access::require(tx, actor, Operation::ServiceTokenRead, &target).await
        }
        Holder::Person(person_id) => match identity::rule_over(tx, actor, person_id).await? {
            Some(_) => Ok(()),
            None => Err(Error::not_found("person", person_id)),
        },
        Holder::Platform => {
            access::require_platform(tx, actor, Operation::SettingRead, "token", "list").await
        }
        Holder::Token(token_id) if own(actor)? == Holder::Token(token_id) => Ok(()),
        Holder::Token(token_id) => Err(Error::not_found("token", token_id)),
    }
}

/// Whom the new token speaks for, who has it, and what is written down.
async fn bearer(
    tx: &mut Tx,
    actor: &Actor,
    new: &NewToken,
) -> Result<(Bearer, Holder, String, Option<ProjectId>, String)> {
    let name = new.name.clone();
    if let Some((project_id, role)) = new.program {
        let target = Target::new(project_id, "project", project_id);
        let rule = access::permit(tx, actor, Operation::ServiceTokenSet, &target).await?;
        crate::project::get(tx, project_id).await?;
        let bearer = Bearer::Service {
            name,
            project_id,
            role,
        };
        let holder = Holder::Project(project_id);
        return Ok((
            bearer,
            holder,
            format!("token_create_{role}"),
            Some(project_id),
            rule,
        ));
    }
    let Actor::Person { person_id, .. } = actor else {
        return Err(Error::Invalid(
            "project_id: a program has no personal tokens; name the project whose token this is to be".into(),
        ));
    };
    let person_id = *person_id;
    let bearer = Bearer::Person {
        person_id,
        origin: TokenOrigin::Named(name),
    };
    let holder = Holder::Person(person_id);
    Ok((bearer, holder, "token_create".into(), None, "own".into()))
}

/// With what a token that is made with this one ends, and when at the latest.
async fn parent(tx: &mut Tx, made_with: &Token) -> Result<(Option<Parent>, Option<Timestamp>)> {
    match &made_with.bearer {
        Bearer::Person {
            origin: TokenOrigin::Session(_),
            ..
        } => Ok((None, None)),
        Bearer::Person {
            origin: TokenOrigin::Grant(grant_id),
            ..
        } => {
            let ends_at = identity::oauth::hold_grant(tx, *grant_id).await?;
            let ends_at =
                ends_at.ok_or_else(|| Error::Forbidden("the consent this is asked with has ended".into()))?;
            Ok((Some(Parent::Grant(*grant_id)), Some(ends_at)))
        }
        Bearer::Person { .. } | Bearer::Service { .. } | Bearer::Platform { .. } => {
            Ok((Some(Parent::Token(made_with.jti)), Some(made_with.expires_at)))
        }
        Bearer::Run { .. } => Err(Error::Forbidden("a run makes no tokens".into())),
    }
}

fn check(new: &NewToken) -> Result<()> {
    if new.name.trim().is_empty() || new.name.len() > 100 || new.name.contains(char::is_control) {
        return Err(Error::Invalid(
            "name must have 1 to 100 bytes of plain text".into(),
        ));
    }
    if !(1..=MAX_MADE_DAYS).contains(&new.days) {
        return Err(Error::Invalid(format!("a token lives 1 to {MAX_MADE_DAYS} days")));
    }
    check_toolsets(&new.narrowing)
}

async fn find(tx: &mut Tx, token_id: TokenId) -> Result<Option<NamedToken>> {
    let now = tx.now();
    let one = PageAsk::new(Some(1), None)?;
    let found = store::list(tx, Holder::Token(token_id), one).await?;
    found.into_iter().next().map(|row| row.seen(now)).transpose()
}

async fn get(tx: &mut Tx, token_id: TokenId) -> Result<NamedToken> {
    let token = find(tx, token_id).await?;
    token.ok_or_else(|| Error::not_found("token", token_id))
}

impl store::Listed {
    fn seen(self, now: Timestamp) -> Result<NamedToken> {
        let token = self.token;
        let (name, made_for) = match token.bearer {
            Bearer::Service {
                name,
                project_id,
                role,
            } => (name, TokenFor::Project(project_id, role)),
            Bearer::Platform { name, role } => (name, TokenFor::Platform(role)),
            Bearer::Person {
                person_id,
                origin: TokenOrigin::Named(name),
            } => (name, TokenFor::Person(person_id)),
            Bearer::Person { .. } | Bearer::Run { .. } => {
                return Err(Error::internal("a token without a name was listed"));
            }
        };
        Ok(NamedToken {
            token_id: token.jti,
            name,
            made_for,
            narrowing: token.narrowing,
            made_by: self.made_by,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
            is_live: token.revoked_at.is_none() && now < token.expires_at,
        })
    }
}
