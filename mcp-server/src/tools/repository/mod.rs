//! Bound Git repositories.

mod bind;

use contract::repository::{RepositoryGet, RepositoryList, RepositoryPage, RepositoryView};
use contract::runner::{RepositoryAccess, RepositoryToken, RepositoryTokenAsk};
use orchestrator::port_call::{Answer, Question};
use orchestrator::project::access::Operation;
use orchestrator::repository::{self, Repository};
use orchestrator::{Error, Result};

use super::{STAFF, count, live, page, word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    bind::tools(catalogue.with::<Get>().with::<List>().with::<TokenIssue>())
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "repository_get";
    const TITLE: &'static str = "Show a repository";
    const ABOUT: &'static str = "Shows one bound Git repository: names, default branch, image of the agent. Use \
         it when you know the repository_id; else repository_list.";
    const OPERATION: Operation = Operation::RepositoryRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = RepositoryGet;
    type Answer = RepositoryView;

    async fn call(call: &Call<'_>, ask: RepositoryGet) -> Result<RepositoryView> {
        let found = repository::read(call.orchestrator, call.actor, ask.repository_id.into()).await?;
        show(&found)
    }
}

struct List;

impl Tool for List {
    const NAME: &'static str = "repository_list";
    const TITLE: &'static str = "List repositories";
    const ABOUT: &'static str = "Lists the bound Git repositories the caller may see, newest first. Begin here: \
         most tools want a repository_id of this list, not a name.";
    const OPERATION: Operation = Operation::RepositoryRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = RepositoryList;
    type Answer = RepositoryPage;

    async fn call(call: &Call<'_>, ask: RepositoryList) -> Result<RepositoryPage> {
        let project_id = ask.project_id.map(Into::into);
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let found = repository::list(call.orchestrator, call.actor, project_id, page).await?;
        Ok(RepositoryPage {
            repositories: found.items.iter().map(show).collect::<Result<_>>()?,
            next_cursor: found.next_cursor,
        })
    }
}

struct TokenIssue;

impl Tool for TokenIssue {
    const NAME: &'static str = "repository_token_issue";
    const TITLE: &'static str = "Get a Git credential";
    const ABOUT: &'static str = "Gives a short-lived Git credential for the run's one repository. Ask anew before each fetch or \
         push.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = &[Side::Supervisor];
    const EFFECT: Effect = Effect::Add;
    const OPEN_WORLD: bool = true;
    type Ask = RepositoryTokenAsk;
    type Answer = RepositoryToken;

    async fn call(call: &Call<'_>, ask: RepositoryTokenAsk) -> Result<RepositoryToken> {
        let own = live::own(call, None).await?;
        own.require(call, Self::OPERATION, "run", own.run_id).await?;
        let write = ask.access == RepositoryAccess::Write;
        let question = Question::RepositoryToken {
            repository_id: own.repository_id,
            write,
        };
        let Answer::RepositoryToken {
            username,
            token,
            expires_at,
        } = own.ask(call, &question).await?
        else {
            return Err(Error::internal(
                "a question about a credential was answered with something else",
            ));
        };
        Ok(RepositoryToken {
            username,
            token,
            expires_at,
        })
    }
}

fn show(repository: &Repository) -> Result<RepositoryView> {
    let suspension = repository.suspension.map(|suspension| word(suspension.as_str()));
    Ok(RepositoryView {
        repository_id: repository.repository_id.uuid(),
        project_id: repository.project_id.uuid(),
        github_repository_id: count(repository.github_repository_id),
        owner: repository.owner.clone(),
        name: repository.name.clone(),
        default_branch: repository.default_branch.clone(),
        clone_url: repository.clone_url.clone(),
        agent_image: repository.agent_image.clone(),
        detached_at: repository.detached_at,
        suspension: suspension.transpose()?,
        created_at: repository.created_at,
    })
}
