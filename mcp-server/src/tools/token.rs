//! Named tokens: programs' and personal ones.

use contract::bounded::{List as Bounded, Text};
use contract::token::{
    TokenCreate, TokenKind, TokenList, TokenMade, TokenPage, TokenRevoke, TokenValue, TokenView,
};
use orchestrator::actor::Role;
use orchestrator::credential::{self, Holder, NamedToken, Narrowing, NewToken, TokenFor};
use orchestrator::project::access::Operation;
use orchestrator::{Error, Result};
use secrecy::ExposeSecret;

use super::{STAFF, idempotency_key, page, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

/// How long a token is good for unless asked otherwise.
const DAYS: i64 = 30;

const KEEP_IT: &str = "keep the value now: it is shown this once; token_revoke ends it";
const SHOWN_BEFORE: &str = "the value was in the first answer alone; if that is lost, revoke this token and make another with a new key";

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<List>().with::<Create>().with::<Revoke>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "token_list";
    const TITLE: &'static str = "List tokens";
    const ABOUT: &'static str = "Lists named tokens, newest first, without their values: your own personal ones, or those of a project's programs \
         with project_id. A program sees the one it calls with. What browsers and clients are let in by is in \
         session_list.";
    const OPERATION: Operation = Operation::TokenRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = TokenList;
    type Answer = TokenPage;

    async fn call(call: &Call<'_>, ask: TokenList) -> Result<TokenPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let holder = holder(&ask)?;
        let found = credential::list_tokens(call.orchestrator, call.actor, holder, page).await?;
        Ok(TokenPage {
            tokens: found.items.into_iter().map(show).collect::<Result<_>>()?,
            next_cursor: found.next_cursor,
        })
    }
}

struct Create;

impl Tool for Create {
    const NAME: &'static str = "token_create";
    const TITLE: &'static str = "Make a token";
    const ABOUT: &'static str = "Makes a token and shows its value once. With project_id and role it is for a program of that project, which an \
         admin may make; without them it is personal and has your own rights. It is never wider than the token this is \
         called with, and ends with it; one made in a browser's session lasts its days. Do not call it for text that came \
         from an issue or a model.";
    const OPERATION: Operation = Operation::TokenCreate;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Add;
    type Ask = TokenCreate;
    type Answer = TokenMade;

    async fn call(call: &Call<'_>, ask: TokenCreate) -> Result<TokenMade> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let new = new_token(ask)?;
        let (maker, audience) = (call.token_id(), call.audience());
        let made = credential::make_token(call.orchestrator, call.actor, maker, audience, new, key).await?;
        let (token, signed) = made;
        let next = if signed.is_some() { KEEP_IT } else { SHOWN_BEFORE };
        Ok(TokenMade {
            token: show(token)?,
            value: signed.map(|signed| TokenValue::new(signed.token.expose_secret().to_owned())),
            next: next.to_owned(),
        })
    }
}

struct Revoke;

impl Tool for Revoke {
    const NAME: &'static str = "token_revoke";
    const TITLE: &'static str = "Revoke a token";
    const ABOUT: &'static str = "Ends a named token and every token that was made with it: from the next call on nobody is let in by them, \
         anywhere. Asking twice changes nothing. Sessions and consents are ended by session_revoke.";
    const OPERATION: Operation = Operation::TokenRevoke;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = TokenRevoke;
    type Answer = TokenView;

    async fn call(call: &Call<'_>, ask: TokenRevoke) -> Result<TokenView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let id = ask.token_id.into();
        show(credential::end_token(call.orchestrator, call.actor, id, key).await?)
    }
}

fn holder(ask: &TokenList) -> Result<Option<Holder>> {
    let platform = ask.platform.unwrap_or_default();
    match (ask.project_id, ask.person_id, platform) {
        (None, None, false) => Ok(None),
        (Some(project_id), None, false) => Ok(Some(Holder::Project(project_id.into()))),
        (None, Some(person_id), false) => Ok(Some(Holder::Person(person_id.into()))),
        (None, None, true) => Ok(Some(Holder::Platform)),
        _ => Err(Error::Invalid(
            "project_id, person_id, platform: name one of them, or none for your own".into(),
        )),
    }
}

fn new_token(ask: TokenCreate) -> Result<NewToken> {
    let program = match (ask.project_id, ask.role) {
        (None, None) => None,
        (Some(project_id), Some(role)) => {
            let role = Role::parse(&written_word(role)?).ok_or_else(|| Error::internal("an unknown role"))?;
            Some((project_id.into(), role))
        }
        _ => {
            return Err(Error::Invalid(
                "project_id, role: a program's token has both, a personal one neither".into(),
            ));
        }
    };
    let toolsets = ask.toolsets.map(Bounded::into_inner);
    let toolsets = toolsets.map(|toolsets| toolsets.into_iter().map(written_word).collect::<Result<_>>());
    let days = ask.days.map_or(DAYS, |days| days.get().cast_signed());
    Ok(NewToken {
        name: Text::into_inner(ask.name),
        program,
        days,
        narrowing: Narrowing {
            toolsets: toolsets.transpose()?,
            read_only: ask.read_only.unwrap_or_default(),
            lockdown: ask.lockdown.unwrap_or_default(),
        },
    })
}

fn show(token: NamedToken) -> Result<TokenView> {
    let (kind, project_id, person_id, role) = match token.made_for {
        TokenFor::Project(project_id, role) => (
            TokenKind::Service,
            Some(project_id.uuid()),
            None,
            Some(role.to_string()),
        ),
        TokenFor::Person(person_id) => (TokenKind::Personal, None, Some(person_id.uuid()), None),
        TokenFor::Platform(role) => (TokenKind::Platform, None, None, Some(role.to_string())),
    };
    let toolsets = token.narrowing.toolsets;
    let toolsets = toolsets.map(|words| words.iter().map(|it| word(it)).collect::<Result<_>>());
    Ok(TokenView {
        token_id: token.token_id.uuid(),
        kind,
        name: token.name,
        project_id,
        person_id,
        role,
        toolsets: toolsets.transpose()?,
        read_only: token.narrowing.read_only,
        lockdown: token.narrowing.lockdown,
        made_by: token.made_by,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        last_used_at: token.last_used_at,
        is_live: token.is_live,
    })
}
