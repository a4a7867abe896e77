//! Live questions of tools, asked of the world.

use async_trait::async_trait;
use futures_util::future::join_all;
use orchestrator::error::Result;
use orchestrator::id::{RepositoryId, SlotId};
use orchestrator::port_call::domain::{IssueAnswer, ListedIssue, PullRequestAnswer};
use orchestrator::port_call::jobs::AnswerPortCall;
use orchestrator::port_call::{self, Answer, Failed, Question};
use orchestrator::ports::code_host::{HostAccount, HostIssue, HostPermission, RepositoryRef, TokenAccess};
use orchestrator::ports::{ClusterError, CodeHostError};
use orchestrator::queue::{Attempt, Done, Perform};
use orchestrator::repository::{self, Place, preflight};
use orchestrator::slot::environment::{self, ContainerLog, Part, Shown};
use secrecy::ExposeSecret;

use crate::Hands;

/// Events of an environment that are shown: the newest.
const MOST_EVENTS: usize = 100;

#[async_trait]
impl Perform<AnswerPortCall> for Hands {
    async fn perform(&self, job: AnswerPortCall, _: Attempt) -> Result<Done> {
        let Some(asked) = port_call::question(&self.orchestrator, job.port_call_id).await? else {
            return Ok(Done::Done);
        };
        let answered = tokio::time::timeout(asked.patience, self.answer(&asked.question)).await;
        match answered {
            Ok(Ok(answer)) => port_call::answer(&self.orchestrator, job.port_call_id, &answer).await?,
            Ok(Err(failed)) => port_call::fail(&self.orchestrator, job.port_call_id, &failed).await?,
            // Nobody waits any more.
            Err(_) => {}
        }
        Ok(Done::Done)
    }
}

impl Hands {
    async fn answer(&self, question: &Question) -> Result<Answer, Failed> {
        match *question {
            Question::Issue {
                repository_id,
                number,
            } => {
                let at = self.at(repository_id).await?;
                self.issue(&at, number).await.map(Answer::Issue).map_err(failed)
            }
            Question::Issues {
                repository_id,
                open,
                limit,
                page,
            } => {
                let at = self.at(repository_id).await?;
                let found = self.code_host.issues(&at, open, limit, page);
                let found = found.await.map_err(failed)?;
                Ok(Answer::Issues {
                    issues: found.issues.into_iter().map(listed).collect(),
                    has_more: found.has_more,
                })
            }
            Question::PullRequest {
                repository_id,
                number,
            } => {
                let at = self.at(repository_id).await?;
                self.pull_request(&at, number)
                    .await
                    .map(Answer::PullRequest)
                    .map_err(failed)
            }
            Question::RepositoryPlace {
                ref owner,
                ref name,
                github_user_id,
                ref login,
            } => {
                let account = HostAccount {
                    github_user_id,
                    login: login.clone(),
                };
                let found = self.place(owner, name, &account).await.map_err(failed)?;
                let nowhere = || Failed::NotFound {
                    what: format!("{owner}/{name}"),
                };
                found.map(Answer::RepositoryPlace).ok_or_else(nowhere)
            }
            Question::RepositoryPreflight { repository_id } => {
                let at = self.at(repository_id).await?;
                let survey = self.code_host.survey(&at).await;
                Ok(Answer::RepositoryPreflight {
                    checks: preflight::judge(&survey),
                })
            }
            Question::Account { ref login } => {
                let account = self.code_host.account(login).await.map_err(failed)?;
                Ok(Answer::Account {
                    github_user_id: account.github_user_id,
                    login: account.login,
                })
            }
            Question::Permission {
                repository_id,
                github_user_id,
                ref login,
            } => {
                let at = self.at(repository_id).await?;
                let account = HostAccount {
                    github_user_id,
                    login: login.clone(),
                };
                let permission = self.code_host.permission(&at, &account).await.map_err(failed)?;
                Ok(Answer::Permission { permission })
            }
            Question::Environment { slot_id, part } => {
                self.environment(slot_id, part).await.map(Answer::Environment)
            }
            Question::Readable {
                ref repositories,
                github_user_id,
                ref login,
            } => {
                let account = HostAccount {
                    github_user_id,
                    login: login.clone(),
                };
                Ok(self.readable(repositories, &account).await)
            }
            Question::QuestionVector { model_id, ref text } => self.question_vector(model_id, text).await,
            Question::RepositoryToken { repository_id, write } => {
                let at = self.at(repository_id).await?;
                let access = if write {
                    TokenAccess::Write
                } else {
                    TokenAccess::Read
                };
                let token = self
                    .code_host
                    .repository_token(&at, access)
                    .await
                    .map_err(failed)?;
                Ok(Answer::RepositoryToken {
                    username: token.username,
                    token: token.token.expose_secret().to_owned(),
                    expires_at: token.expires_at,
                })
            }
        }
    }

    async fn environment(&self, slot_id: SlotId, part: Part) -> Result<Shown, Failed> {
        let key = environment::key(&self.orchestrator, slot_id).await;
        let Some(key) = key.map_err(|error| unread(&error))? else {
            return Err(Failed::NotFound {
                what: format!("environment of slot {slot_id}"),
            });
        };
        let shown = match part {
            Part::Pods => self
                .cluster
                .runner_pods(&key)
                .await
                .map(|pods| Shown::Pods { pods }),
            Part::Events => {
                let events = self.cluster.runner_events(&key, MOST_EVENTS).await;
                events.map(|events| Shown::Events { events })
            }
            Part::Log { max_bytes } => {
                let log = self.cluster.runner_log(&key, i64::from(max_bytes)).await;
                log.map(|log| Shown::Log {
                    logs: log
                        .into_iter()
                        .map(|(container, text)| ContainerLog { container, text })
                        .collect(),
                })
            }
        };
        shown.map_err(|error| unseen(&error))
    }

    /// One repository that cannot be asked about hides no other.
    async fn readable(&self, repositories: &[RepositoryId], account: &HostAccount) -> Answer {
        let asked = repositories.iter().map(|&repository_id| async move {
            let at = self.at(repository_id).await.ok()?;
            let permission = self.code_host.permission(&at, account).await.ok()?;
            Some((repository_id, permission >= HostPermission::Read))
        });
        let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
        for (repository_id, may_read) in join_all(asked).await.into_iter().flatten() {
            if may_read {
                readable.push(repository_id);
            } else {
                unreadable.push(repository_id);
            }
        }
        Answer::Readable { readable, unreadable }
    }

    async fn at(&self, repository_id: RepositoryId) -> Result<RepositoryRef, Failed> {
        let read = async {
            let mut tx = self.orchestrator.begin("port_call.repository").await?;
            repository::at(&mut tx, repository_id).await
        };
        read.await.map_err(|error| unread(&error))
    }

    /// A repository, if the account may give it away: it administers or maintains it now. To all others it is not there.
    async fn place(
        &self,
        owner: &str,
        name: &str,
        account: &HostAccount,
    ) -> Result<Option<Place>, CodeHostError> {
        let Some((at, found)) = self.code_host.find_repository(owner, name).await? else {
            return Ok(None);
        };
        if self.code_host.permission(&at, account).await? < HostPermission::Maintain {
            return Ok(None);
        }
        Ok(Some(Place {
            github_repository_id: at.github_repository_id,
            installation_id: at.installation_id,
            owner: found.owner,
            name: found.name,
            default_branch: found.default_branch,
            clone_url: found.clone_url,
        }))
    }

    async fn issue(&self, at: &RepositoryRef, number: i64) -> Result<IssueAnswer, CodeHostError> {
        let issue = self.code_host.issue(at, number).await?;
        let author_trusted = match &issue.author {
            Some(author) => self.code_host.permission(at, author).await? >= HostPermission::Write,
            None => false,
        };
        Ok(IssueAnswer {
            number: issue.number,
            title: issue.title,
            body: issue.body,
            open: issue.open,
            labels: issue.labels,
            author: issue.author.map(|author| author.login),
            author_trusted,
            url: issue.url,
        })
    }

    async fn pull_request(
        &self,
        at: &RepositoryRef,
        number: i64,
    ) -> Result<PullRequestAnswer, CodeHostError> {
        let found = self.code_host.pull_request(at, number).await?;
        Ok(PullRequestAnswer {
            number: found.number,
            title: found.title,
            body: found.body,
            open: found.open,
            merged: found.merged,
            draft: found.draft,
            head_branch: found.head_branch,
            head_sha: found.head_sha,
            base_branch: found.base_branch,
            author: found.author.map(|author| author.login),
            url: found.url,
        })
    }
}

fn listed(issue: HostIssue) -> ListedIssue {
    ListedIssue {
        number: issue.number,
        title: issue.title,
        open: issue.open,
        labels: issue.labels,
        author: issue.author.map(|author| author.login),
        url: issue.url,
        updated_at: issue.updated_at,
    }
}

/// What we remember could not be read.
fn unread(error: &orchestrator::Error) -> Failed {
    tracing::warn!(%error, "what a question is about could not be read");
    Failed::Unavailable {
        message: error.told(),
        retry_after_ms: None,
    }
}

fn unseen(error: &ClusterError) -> Failed {
    let message = error.to_string();
    match error {
        ClusterError::Refused(_) => Failed::Refused { message },
        ClusterError::Unavailable(_) => Failed::Unavailable {
            message,
            retry_after_ms: None,
        },
    }
}

fn failed(error: CodeHostError) -> Failed {
    match error {
        CodeHostError::NotFound(what) => Failed::NotFound { what },
        CodeHostError::Refused { .. } => Failed::Refused {
            message: error.to_string(),
        },
        CodeHostError::RateLimited { retry_after, message } => Failed::Unavailable {
            message,
            retry_after_ms: u64::try_from(retry_after.as_millis()).ok(),
        },
        CodeHostError::Ambiguous(message) | CodeHostError::Unavailable(message) => Failed::Unavailable {
            message,
            retry_after_ms: None,
        },
    }
}
