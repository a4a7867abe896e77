//! A request with the least credential that allows it.

use http::{Method, StatusCode};
use jiff::Timestamp;
use orchestrator::Clock;
use orchestrator::ports::code_host::{CodeHostError, RepositoryRef};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::app_key::AppKey;
use super::call::{Call, Effect};
use super::config::GithubConfig;
use super::token::{Grant, Scope, Token, Tokens};
use super::transport::{Answer, Transport};
use super::{Result, refusal, wire};
use crate::outward::outward;

pub(super) struct Connection {
    transport: Transport,
    key: AppKey,
    tokens: Tokens,
    clock: Clock,
    call_deadline: std::time::Duration,
}

impl Connection {
    pub(super) fn new(config: &GithubConfig, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            key: AppKey::read(
                &config.github_app_id,
                &config.github_private_key_file,
                clock.now(),
            )?,
            transport: Transport::new(config)?,
            tokens: Tokens::default(),
            clock,
            call_deadline: config.github_call_deadline,
        })
    }

    /// Begins one operation of the port, in a repository and for one purpose.
    pub(super) fn begin(&self, at: &RepositoryRef, grant: Grant) -> Operation<'_> {
        self.begin_at(Some(Scope {
            installation_id: at.installation_id,
            github_repository_id: Some(at.github_repository_id),
            grant,
        }))
    }

    /// Begins one operation of the port as the App itself.
    pub(super) fn begin_as_app(&self) -> Operation<'_> {
        self.begin_at(None)
    }

    fn begin_at(&self, scope: Option<Scope>) -> Operation<'_> {
        Operation {
            connection: self,
            scope,
            until: Instant::now() + self.call_deadline,
        }
    }
}

/// One call of the port: all its requests share one scope and one deadline.
pub(super) struct Operation<'a> {
    connection: &'a Connection,
    /// None for the App itself.
    scope: Option<Scope>,
    until: Instant,
}

impl<'a> Operation<'a> {
    /// The same operation, going on in another scope.
    pub(super) fn within(&self, scope: Scope) -> Operation<'a> {
        Operation {
            scope: Some(scope),
            ..*self
        }
    }

    /// Sends the call and reads what comes back.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let answer = self.send(call).await?;
        parse(call, &answer)
    }

    pub(super) async fn send(&self, call: &Call) -> Result<Answer> {
        let Some(scope) = self.scope else {
            return self.send_as_app(call).await;
        };
        let token = self.token(scope).await?;
        let answer = self.exchange(call, &token.secret).await?;
        note_rate(scope, &answer);
        if answer.status == StatusCode::UNAUTHORIZED {
            self.connection.tokens.discard(scope);
            if call.effect == Effect::Read {
                let token = self.token(scope).await?;
                let answer = self.exchange(call, &token.secret).await?;
                return refusal::judge(call, answer, self.now());
            }
        }
        refusal::judge(call, answer, self.now())
    }

    async fn send_as_app(&self, call: &Call) -> Result<Answer> {
        let answer = self.exchange(call, &self.signed()?).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.connection.key.discard();
            if call.effect == Effect::Read {
                let answer = self.exchange(call, &self.signed()?).await?;
                return refusal::judge(call, answer, self.now());
            }
        }
        refusal::judge(call, answer, self.now())
    }

    async fn token(&self, scope: Scope) -> Result<Token> {
        let now = self.now();
        if let Some(token) = self.connection.tokens.find(scope, now) {
            return Ok(token);
        }
        let token = self.mint(scope).await?;
        self.connection.tokens.keep(scope, token.clone(), now);
        Ok(token)
    }

    /// Asks for a token that is narrowed to the scope: octocrab's own request cannot narrow permissions.
    pub(super) async fn mint(&self, scope: Scope) -> Result<Token> {
        let call = Call {
            // A token too many harms nobody, so it counts as a read.
            effect: Effect::Read,
            ..Call::write(
                "mint_token",
                Method::POST,
                format!("/app/installations/{}/access_tokens", scope.installation_id),
                format!("installation {} of the App", scope.installation_id),
            )
            .with(scope.narrowed())
        };
        let answer = self.send_as_app(&call).await.map_err(uninstalled)?;
        let token: wire::Token = parse(&call, &answer)?;
        match (token.token, token.expires_at) {
            (Some(secret), Some(expires_at)) => Ok(Token {
                secret: secret.into(),
                expires_at,
            }),
            _ => Err(refusal::unreadable(&call, "no token, or no end of it")),
        }
    }

    fn signed(&self) -> Result<SecretString> {
        self.connection
            .key
            .token(self.now())
            .map_err(|error| CodeHostError::Unavailable(format!("{error:#}")))
    }

    async fn exchange(&self, call: &Call, bearer: &SecretString) -> Result<Answer> {
        let answer = self.connection.transport.send(call, bearer, self.until);
        outward("github", call.name, answer)
            .await
            .map_err(|lost| refusal::lost(call, lost))
    }

    fn now(&self) -> Timestamp {
        self.connection.clock.now()
    }
}

fn note_rate(scope: Scope, answer: &Answer) {
    let left = answer.headers.get("x-ratelimit-remaining");
    if let Some(left) = left.and_then(|left| left.to_str().ok()?.parse::<u32>().ok()) {
        let installation = scope.installation_id.to_string();
        metrics::gauge!(
            "codex_provider_rate_left", "provider" => "github", "installation_id" => installation
        )
        .set(left);
    }
}

/// A missing installation must not be taken for a missing branch, label or account.
fn uninstalled(error: CodeHostError) -> CodeHostError {
    match error {
        CodeHostError::NotFound(what) => CodeHostError::Refused {
            status: StatusCode::NOT_FOUND.as_u16(),
            message: format!("there is no {what} any more: install the App again"),
        },
        other => other,
    }
}

pub(super) fn parse<T: DeserializeOwned>(call: &Call, answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        // Only the place: serde's own text may quote the value, and one of our answers holds a token.
        let place = format!("line {} column {}", error.line(), error.column());
        refusal::unreadable(call, &place)
    })
}
