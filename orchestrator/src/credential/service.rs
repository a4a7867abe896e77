//! The use cases of tokens and keys.

use jiff::{SignedDuration, Timestamp};

use super::domain::{Claims, ISSUER, Leniency, Narrowing, RUN_TOKEN_LIFE, TokenFault, check, check_toolsets};
use super::jwt::{self, SignedToken};
use super::keys::{self, required_key};
use super::person::TokenOrigin;
use super::store::{self, Bearer, Token};
use crate::actor::{Actor, PlatformRole, Role, RunActor, RunSide};
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId, RunId, TokenId};
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::postgres::listen::Topic;
use crate::postgres::{SWEEP_BATCHES, SWEEP_ROWS, Tx};

/// Expired tokens are kept this long: a late call then hears "expired" and not "unknown".
const KEPT_AFTER_EXPIRY: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Those of sessions are many, short, and never leave the gateway: nobody shows one late.
const KEPT_OF_SESSION: SignedDuration = SignedDuration::from_hours(1);

/// When a named token was last used is written down at most so often.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Token {
    /// Whether its use is worth a write.
    fn wants_note(&self, now: Timestamp) -> bool {
        let named = match &self.bearer {
            Bearer::Service { .. } | Bearer::Platform { .. } => true,
            Bearer::Person { origin, .. } => matches!(origin, TokenOrigin::Named(_)),
            Bearer::Run { .. } => false,
        };
        named && self.last_used_at.is_none_or(|used| now >= used + NOTED_EVERY)
    }
}

/// The two tokens of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunTokenIds {
    pub supervisor: TokenId,
    pub agent: TokenId,
}

/// A token of ours for this address, whether it still counts or not.
#[derive(Clone, Debug)]
pub struct Proven {
    pub actor: Actor,
    pub token_id: TokenId,
    pub narrowing: Narrowing,
    /// What a person's token was made from.
    pub origin: Option<TokenOrigin>,
    /// It has a name, and nobody wrote down for a minute that it was used.
    pub wants_note: bool,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
    now: Timestamp,
}

impl Proven {
    /// Whether it counts for a call.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self, leniency: Leniency) -> std::result::Result<(), TokenFault> {
        let side = self.actor.run().map(|run| run.side);
        let is_supervisor = side == Some(RunSide::Supervisor);
        check(
            leniency,
            is_supervisor,
            self.expires_at,
            self.revoked_at,
            self.now,
        )
    }
}

/// Whom this token was made for. It must be for one of the audiences, and signed with a key of that one.
///
/// # Errors
///
/// `Unauthenticated` if the platform did not make it for this address.
pub async fn prove(orchestrator: &Orchestrator, audiences: &[&str], bearer: &str) -> Result<Proven> {
    let unknown =
        || Error::Unauthenticated("the bearer token is not one of this platform's for this address".into());
    let verified = orchestrator.verified();
    let shown = verified.shown(bearer).ok_or_else(unknown)?;
    let mut tx = orchestrator.look("credential.prove").await?;
    let (token, key) = store::find_token_and_key(&mut tx, shown.jti().into())
        .await?
        .ok_or_else(unknown)?;
    if !audiences.contains(&key.audience.as_str()) {
        return Err(unknown());
    }
    let claims = shown
        .verify(verified, &key.public_key, &key.audience)
        .ok_or_else(unknown)?;
    if !is_of_row(&claims, shown.kid(), &token) {
        return Err(unknown());
    }
    let now = tx.now();
    let (actor, counts) = bearer_of(&mut tx, &token).await?.ok_or_else(unknown)?;
    Ok(Proven {
        actor,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at.or((!counts).then_some(now)),
        now,
        token_id: token.jti,
        origin: match &token.bearer {
            Bearer::Person { origin, .. } => Some(origin.clone()),
            Bearer::Run { .. } | Bearer::Service { .. } | Bearer::Platform { .. } => None,
        },
        wants_note: token.wants_note(now),
        narrowing: token.narrowing,
    })
}

/// Writes down that a named token was used. Whoever calls need not wait for it: that nobody knows is no harm.
///
/// # Errors
///
/// `Unavailable` if the database is.
pub async fn note_use(orchestrator: &Orchestrator, token_id: TokenId) -> Result<()> {
    let mut tx = orchestrator.begin("credential.note_use").await?;
    store::staff::note_use(&mut tx, token_id, NOTED_EVERY).await?;
    tx.commit().await
}

/// Whether a token says what its row does. A signature alone makes no token: what it says was written here first.
fn is_of_row(claims: &Claims, kid: &str, token: &Token) -> bool {
    kid == token.kid
        && claims.sub == subject(&token.bearer)
        && claims.iat == token.issued_at.as_second()
        && claims.exp == token.expires_at.as_second()
}

/// Whom a token speaks for, in its own words.
fn subject(bearer: &Bearer) -> String {
    match bearer {
        Bearer::Run { run_id, .. } => format!("run:{run_id}"),
        Bearer::Service { name, .. } | Bearer::Platform { name, .. } => format!("service:{name}"),
        Bearer::Person { person_id, .. } => format!("person:{person_id}"),
    }
}

/// Whom a token speaks for, and whether anything but the token itself stands in the way: a person may be disabled, a
/// session over. None if nobody is left to speak for.
async fn bearer_of(tx: &mut Tx, token: &Token) -> Result<Option<(Actor, bool)>> {
    let Bearer::Person { person_id, origin } = &token.bearer else {
        return Ok(actor(token.jti, token.bearer.clone()).map(|actor| (actor, true)));
    };
    let standing = identity::standing(tx, *person_id, origin.session_id()).await?;
    Ok(standing.map(|standing| (standing.person.actor(), standing.counts)))
}

/// Whether a token that was proven before still counts: for what goes on after its call was let in.
pub async fn still_counts(orchestrator: &Orchestrator, token_id: TokenId) -> Result<bool> {
    let mut tx = orchestrator.look("credential.still_counts").await?;
    let Some(token) = store::find_token(&mut tx, token_id).await? else {
        return Ok(false);
    };
    let counts = bearer_of(&mut tx, &token)
        .await?
        .is_some_and(|(_, counts)| counts);
    let now = tx.now();
    Ok(counts && check(Leniency::None, false, token.expires_at, token.revoked_at, now).is_ok())
}

/// Who shows this token.
///
/// # Errors
///
/// `Unauthenticated`, saying whether to get a new token or to stop.
pub async fn authenticate(
    orchestrator: &Orchestrator,
    audience: &str,
    bearer: &str,
    leniency: Leniency,
) -> Result<Actor> {
    let proven = prove(orchestrator, &[audience], bearer).await?;
    match proven.check(leniency) {
        Ok(()) => Ok(proven.actor),
        Err(fault) => Err(Error::Unauthenticated(fault.to_string())),
    }
}

/// The `jti` of a token that the platform signed, whether it still counts or not.
pub(crate) async fn signed_by_us(tx: &mut Tx, bearer: &str) -> Result<Option<TokenId>> {
    let Some(kid) = jwt::kid(bearer) else {
        return Ok(None);
    };
    let Some(key) = store::find_key(tx, &kid).await? else {
        return Ok(None);
    };
    let claims = jwt::verify(bearer, &key.public_key, ISSUER, &key.audience);
    Ok(claims.map(|claims| claims.jti.into()))
}

/// Ends a token and what was made with it: they fail at the next call, in every process.
pub(crate) async fn revoke_token(tx: &mut Tx, jti: TokenId) -> Result<()> {
    while store::staff::revoke_with_children(tx, jti).await? > 0 {
        tx.notify(Topic::Revoked, jti).await?;
    }
    Ok(())
}

/// Ends all tokens of a person, and those it made for programs: they do not come back with the person.
pub(crate) async fn revoke_person_tokens(tx: &mut Tx, person_id: PersonId) -> Result<()> {
    loop {
        let gone = store::staff::revoke_of_person(tx, person_id).await?;
        for jti in &gone {
            tx.notify(Topic::Revoked, jti).await?;
        }
        // Whoever makes one meanwhile is found by the next pass.
        if gone.is_empty() {
            return Ok(());
        }
    }
}

/// The actor whom the token alone describes; a person is looked up.
fn actor(token_id: TokenId, bearer: Bearer) -> Option<Actor> {
    Some(match bearer {
        Bearer::Run {
            side,
            project_id,
            run_id,
            turn,
            fence,
        } => Actor::Run(RunActor {
            token_id,
            side,
            project_id,
            run_id,
            turn,
            fence,
        }),
        Bearer::Service {
            name,
            project_id,
            role,
        } => Actor::Service {
            token_id,
            name,
            project_id,
            role,
        },
        Bearer::Platform { name, role } => Actor::Platform { token_id, name, role },
        Bearer::Person { .. } => return None,
    })
}

/// Inserts the token rows of a turn, or answers those it has. The tokens are signed from the rows with [`sign`].
pub(crate) async fn issue_run_tokens(
    tx: &mut Tx,
    audience: &str,
    project_id: ProjectId,
    (run_id, turn, fence): (RunId, i32, i64),
    agents: Narrowing,
) -> Result<RunTokenIds> {
    let there = store::tokens_of_turn(tx, run_id, turn, fence).await?;
    let id_of = |wanted: RunSide| {
        let found = there
            .iter()
            .find(|token| matches!(token.bearer, Bearer::Run { side, .. } if side == wanted));
        found.map(|token| token.jti)
    };
    if let (Some(supervisor), Some(agent)) = (id_of(RunSide::Supervisor), id_of(RunSide::Agent)) {
        return Ok(RunTokenIds { supervisor, agent });
    }
    let supervisor = insert_run_token(
        tx,
        audience,
        project_id,
        RunSide::Supervisor,
        (run_id, turn, fence),
        Narrowing::default(),
    )
    .await?;
    let turn = (run_id, turn, fence);
    let agent = insert_run_token(tx, audience, project_id, RunSide::Agent, turn, agents).await?;
    Ok(RunTokenIds { supervisor, agent })
}

async fn insert_run_token(
    tx: &mut Tx,
    audience: &str,
    project_id: ProjectId,
    side: RunSide,
    (run_id, turn, fence): (RunId, i32, i64),
    narrowing: Narrowing,
) -> Result<TokenId> {
    let bearer = Bearer::Run {
        side,
        project_id,
        run_id,
        turn,
        fence,
    };
    let expires_at = tx.now() + RUN_TOKEN_LIFE;
    insert_token(tx, audience, bearer, expires_at, narrowing).await
}

pub(super) async fn insert_token(
    tx: &mut Tx,
    audience: &str,
    bearer: Bearer,
    expires_at: Timestamp,
    narrowing: Narrowing,
) -> Result<TokenId> {
    let key = required_key(tx, audience).await?;
    let token = Token {
        jti: TokenId::new(),
        bearer,
        kid: key.kid,
        issued_at: tx.now(),
        expires_at,
        revoked_at: None,
        last_used_at: None,
        narrowing,
    };
    store::insert_token(tx, &token).await?;
    Ok(token.jti)
}

/// Gives a live turn fresh tokens. The old ones stay valid until they expire.
///
/// # Errors
///
/// `StaleTurn` if the turn is over, `Forbidden` for anyone but a supervisor.
pub async fn refresh_run_tokens(
    orchestrator: &Orchestrator,
    audience: &str,
    actor: &Actor,
) -> Result<(SignedToken, SignedToken)> {
    let Some(run) = actor.run().filter(|run| run.side == RunSide::Supervisor) else {
        return Err(Error::Forbidden(
            "only a run's supervisor refreshes its tokens".into(),
        ));
    };
    let mut tx = orchestrator.begin("credential.refresh").await?;
    let live = crate::run::require_live_turn(&mut tx, run).await?;
    let turn = (run.run_id, run.turn, run.fence);
    let (project_id, whole) = (run.project_id, Narrowing::default());
    let supervisor =
        insert_run_token(&mut tx, audience, project_id, RunSide::Supervisor, turn, whole).await?;
    let agents = crate::run::of_agent_token(&mut tx, &live).await?;
    let agent = insert_run_token(&mut tx, audience, project_id, RunSide::Agent, turn, agents).await?;
    tx.commit().await?;
    Ok((
        sign(orchestrator, supervisor).await?,
        sign(orchestrator, agent).await?,
    ))
}

/// Signs a token from its row: the same token each time.
///
/// # Errors
///
/// `NotFound` if there is no such row, `Precondition` if its key does not open under the master key.
pub async fn sign(orchestrator: &Orchestrator, jti: TokenId) -> Result<SignedToken> {
    let mut tx = orchestrator.begin("credential.sign").await?;
    let token = store::find_token(&mut tx, jti)
        .await?
        .ok_or_else(|| Error::not_found("token", jti))?;
    let key = store::find_key(&mut tx, &token.kid)
        .await?
        .ok_or_else(|| Error::not_found("signing key", &token.kid))?;
    let private = keys::open(orchestrator, &key)?;
    let granted = match &token.bearer {
        Bearer::Person { origin, .. } => match origin.grant_id() {
            Some(grant_id) => identity::oauth::granted(&mut tx, grant_id).await?,
            None => None,
        },
        Bearer::Run { .. } | Bearer::Service { .. } | Bearer::Platform { .. } => None,
    };
    let (client_id, scope) = granted.unzip();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: subject(&token.bearer),
        aud: key.audience,
        jti: token.jti.uuid(),
        iat: token.issued_at.as_second(),
        exp: token.expires_at.as_second(),
        client_id,
        scope,
    };
    Ok(SignedToken {
        token: jwt::sign(&key.kid, &private, &claims)?,
        expires_at: token.expires_at,
    })
}

/// Makes a named token of one project and one role, for a program. Only the platform's own command line and the lab
/// call this; staff get theirs from a login.
pub async fn issue_service_token(
    orchestrator: &Orchestrator,
    audience: &str,
    project_id: ProjectId,
    name: &str,
    role: Role,
    expires_at: Timestamp,
) -> Result<SignedToken> {
    let scope = TokenScope::Project(project_id, role);
    issue_token(
        orchestrator,
        audience,
        name,
        scope,
        expires_at,
        Narrowing::default(),
    )
    .await
}

/// Makes a named token of one role on the whole platform, as [`issue_service_token`] does for a project.
pub async fn issue_platform_token(
    orchestrator: &Orchestrator,
    audience: &str,
    name: &str,
    role: PlatformRole,
    expires_at: Timestamp,
) -> Result<SignedToken> {
    let scope = TokenScope::Platform(role);
    issue_token(
        orchestrator,
        audience,
        name,
        scope,
        expires_at,
        Narrowing::default(),
    )
    .await
}

/// Where a program's token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScope {
    Project(ProjectId, Role),
    Platform(PlatformRole),
}

/// Makes a named token that takes something away from its bearer.
///
/// # Errors
///
/// `Invalid` for a toolset that does not exist, `Precondition` without a signing key of the audience.
pub async fn issue_token(
    orchestrator: &Orchestrator,
    audience: &str,
    name: &str,
    scope: TokenScope,
    expires_at: Timestamp,
    narrowing: Narrowing,
) -> Result<SignedToken> {
    check_toolsets(&narrowing)?;
    let name = name.to_owned();
    let bearer = match scope {
        TokenScope::Project(project_id, role) => Bearer::Service {
            name,
            project_id,
            role,
        },
        TokenScope::Platform(role) => Bearer::Platform { name, role },
    };
    issue(orchestrator, audience, bearer, expires_at, narrowing).await
}

async fn issue(
    orchestrator: &Orchestrator,
    audience: &str,
    bearer: Bearer,
    expires_at: Timestamp,
    narrowing: Narrowing,
) -> Result<SignedToken> {
    let mut tx = orchestrator.begin("credential.issue").await?;
    let (operation, project_id) = match &bearer {
        Bearer::Service { role, project_id, .. } => (format!("token_create_{role}"), Some(*project_id)),
        Bearer::Platform { role, .. } => (format!("token_create_platform_{role}"), None),
        Bearer::Run { .. } => return Err(Error::internal("a run's tokens are issued with its turn")),
        Bearer::Person { .. } => return Err(Error::internal("a person's token is issued with its origin")),
    };
    let jti = insert_token(&mut tx, audience, bearer, expires_at, narrowing).await?;
    let (actor, object) = (Actor::System("platform"), ("token", jti));
    audit::record_own(&mut tx, &actor, &operation, object, project_id).await?;
    tx.commit().await?;
    sign(orchestrator, jti).await
}

/// Ends all tokens of a run: they fail at the next call, in every process.
pub(crate) async fn revoke_run_tokens(tx: &mut Tx, run_id: RunId) -> Result<()> {
    if store::revoke_run_tokens(tx, run_id).await? > 0 {
        tx.notify(Topic::Revoked, run_id).await?;
    }
    Ok(())
}

/// Ends all tokens of a project, its programs' and its runs'.
pub(crate) async fn revoke_project_tokens(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    store::revoke_project_tokens(tx, project_id).await?;
    tx.notify(Topic::Revoked, project_id).await
}

/// Forgets tokens long expired; answers how many.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<u64> {
    let mut all = 0;
    for _ in 0..SWEEP_BATCHES {
        let mut tx = orchestrator.begin("credential.sweep").await?;
        let (before, of_session) = (tx.now() - KEPT_AFTER_EXPIRY, tx.now() - KEPT_OF_SESSION);
        let gone = store::delete_expired(&mut tx, before, of_session, SWEEP_ROWS).await?;
        tx.commit().await?;
        all += gone;
        if gone == 0 {
            break;
        }
    }
    Ok(all)
}
