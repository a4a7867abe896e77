//! The adapter to GitHub for sign-ins: the App's user login. The token it gets is used here and dropped.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use futures_util::future::{BoxFuture, try_join_all};
use oauth2::basic::BasicClient;
use oauth2::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, TokenResponse, TokenUrl,
};
use orchestrator::ports::identity::{Group, Identified, Identity, IdentityError};
use reqwest::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::config::GithubConfig;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// All that is asked for one sign-in must be answered within this time.
const DEADLINE: Duration = Duration::from_secs(10);
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const USER_AGENT: &str = "codex-k8s";

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// GitHub, or what speaks like it.
pub(crate) struct Github {
    oauth: Client,
    http: reqwest::Client,
    api: Url,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    login: String,
}

#[derive(Deserialize)]
struct Membership {
    state: String,
}

impl Github {
    /// # Errors
    ///
    /// The client's secret cannot be read, or an address does not fit.
    pub(crate) fn new(config: &GithubConfig, callback: String) -> anyhow::Result<Self> {
        let file = &config.github_client_secret_file;
        let secret = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the App's client secret from {}", file.display()))?;
        let page = |path: &str| {
            let base = config.github_web_url.as_str().trim_end_matches('/');
            format!("{base}/login/oauth/{path}")
        };
        let oauth = BasicClient::new(ClientId::new(config.github_client_id.clone()))
            .set_client_secret(ClientSecret::new(secret.trim().to_owned()))
            .set_auth_uri(AuthUrl::new(page("authorize"))?)
            .set_token_uri(TokenUrl::new(page("access_token"))?)
            .set_redirect_uri(RedirectUrl::new(callback)?);
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(USER_AGENT)
            .build()
            .context("the client for GitHub")?;
        Ok(Self {
            oauth,
            http,
            api: config.github_api_url.clone(),
        })
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<String, IdentityError> {
        let token = self
            .oauth
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(self)
            .await
            .map_err(|error| match error {
                RequestTokenError::Request(error) => error,
                // GitHub answers a bad code with 200 and an error in the place of a token. Its body is not told: it could
                // hold one.
                RequestTokenError::ServerResponse(_)
                | RequestTokenError::Parse(..)
                | RequestTokenError::Other(_) => {
                    IdentityError::Refused("GitHub does not know this sign-in; begin again".into())
                }
            })?;
        Ok(token.access_token().secret().clone())
    }

    /// The one request of the exchange, with a bound on its answer.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, IdentityError> {
        let request = reqwest::Request::try_from(request).map_err(|error| unavailable(&error))?;
        let answer = self
            .http
            .execute(request)
            .await
            .map_err(|error| unavailable(&error))?;
        let status = answer.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(busy(status));
        }
        let mut response = HttpResponse::new(read(answer).await?);
        *response.status_mut() = status;
        Ok(response)
    }

    fn url(&self, path: &[&str]) -> Result<Url, IdentityError> {
        let mut url = self.api.clone();
        url.path_segments_mut()
            .map_err(|()| IdentityError::Refused("the address of GitHub's API takes no path".into()))?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    async fn get<T: DeserializeOwned>(&self, token: &str, url: Url) -> Result<Option<T>, IdentityError> {
        let request = self
            .http
            .request(Method::GET, url)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(ACCEPT, "application/vnd.github+json");
        let answer = request.send().await.map_err(|error| unavailable(&error))?;
        let status = answer.status();
        let is_limited = answer.headers().contains_key(RETRY_AFTER)
            || answer
                .headers()
                .get("x-ratelimit-remaining")
                .is_some_and(|left| left == "0");
        match status {
            StatusCode::OK => serde_json::from_slice(&read(answer).await?)
                .map(Some)
                .map_err(|_| {
                    IdentityError::Unavailable("GitHub answered something that is not its API".into())
                }),
            StatusCode::FORBIDDEN if is_limited => Err(busy(status)),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(None),
            StatusCode::UNAUTHORIZED => Err(IdentityError::Refused(
                "GitHub took the sign-in back; begin again".into(),
            )),
            status => Err(busy(status)),
        }
    }

    async fn is_member(&self, token: &str, login: &str, group: &Group) -> Result<bool, IdentityError> {
        let org = group.org.as_str();
        let url = match &group.team {
            None => self.url(&["user", "memberships", "orgs", org])?,
            Some(team) => self.url(&["orgs", org, "teams", team, "memberships", login])?,
        };
        let membership: Option<Membership> = self.get(token, url).await?;
        Ok(membership.is_some_and(|membership| membership.state == "active"))
    }
}

impl<'c> AsyncHttpClient<'c> for Github {
    type Error = IdentityError;
    type Future = BoxFuture<'c, Result<HttpResponse, IdentityError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[async_trait]
impl Identity for Github {
    fn authorize_url(&self, state: &str, verifier: &str) -> String {
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.to_owned()));
        let (url, _) = self
            .oauth
            .authorize_url(|| CsrfToken::new(state.to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        url.into()
    }

    async fn identify(
        &self,
        code: &str,
        verifier: &str,
        groups: &[Group],
    ) -> Result<Identified, IdentityError> {
        let asked = async {
            let token = self.exchange(code, verifier).await?;
            let user: Option<User> = self.get(&token, self.url(&["user"])?).await?;
            let user =
                user.ok_or_else(|| IdentityError::Refused("GitHub does not say who signed in".into()))?;
            let mut asked = Vec::with_capacity(groups.len());
            for group in groups {
                asked.push(self.is_member(&token, &user.login, group));
            }
            let members = try_join_all(asked).await?;
            let is_in = groups.iter().zip(members).filter(|(_, is_member)| *is_member);
            Ok(Identified {
                github_user_id: user.id,
                login: user.login,
                groups: is_in.map(|(group, _)| group.clone()).collect(),
            })
        };
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| {
            let seconds = DEADLINE.as_secs();
            Err(IdentityError::Unavailable(format!(
                "GitHub did not answer within {seconds} s"
            )))
        })
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, IdentityError> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| unavailable(&error))? {
        if body.len() + piece.len() > MAX_ANSWER_BYTES {
            return Err(IdentityError::Unavailable("GitHub's answer is too large".into()));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What went wrong on the way, without the address: its query holds the code.
fn unavailable(error: &reqwest::Error) -> IdentityError {
    let kind = if error.is_timeout() {
        "in time"
    } else if error.is_connect() {
        "at all"
    } else {
        "in whole"
    };
    IdentityError::Unavailable(format!("GitHub did not answer {kind}"))
}

fn busy(status: StatusCode) -> IdentityError {
    IdentityError::Unavailable(format!("GitHub answered {status}"))
}
