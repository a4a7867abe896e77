//! What a fresh lab holds: a project, a repository with issues, and people with different rights.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use github_sim::{
    AccountKind, AccountSeed, GithubSim, IssueSeed, LabelSeed, RepositorySeed, Role as Permission, Seed,
};
use jiff::ToSpan;
use model_sim::{ModelScript, ModelSim, Scripts, Step};
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::agent::{self, Adapter, Api, Model, Output, Profile};
use orchestrator::credential::{self, SealedBy};
use orchestrator::id::ProjectId;
use orchestrator::project::{self, Limits, NewProject, Project};
use orchestrator::repository::{self, NewRepository, Repository};
use orchestrator::{Actor, Clock, Orchestrator, Settings, identity};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::config::LabConfig;
use crate::endpoints::{Endpoints, Person};

/// Slug of the seeded project.
pub const PROJECT: &str = "demo";
/// The seeded repository.
pub const REPOSITORY: &str = "acme/hello";
const OWNER: &str = "acme";
const NAME: &str = "hello";
const GITHUB_REPOSITORY_ID: i64 = 9100;
const SLOTS: i32 = 2;
/// The model that the scripted model plays.
const SCRIPTED: &str = "scripted";
const SCRIPTED_CLAUDE: &str = "scripted-claude";
/// Its prices, in micro-dollars for a million tokens: input, cached input, output.
const SCRIPTED_PRICES: [i64; 3] = [1_250_000, 125_000, 10_000_000];
/// A lab's tokens end by themselves.
const TOKEN_DAYS: i64 = 30;

/// People at the simulated GitHub: login, number, role in the project, permission at GitHub.
pub const PEOPLE: [(&str, i64, Option<Role>, &str); 7] = [
    ("ada", 9001, Some(Role::Admin), "admin"),
    ("mia", 9002, Some(Role::Maintainer), "maintain"),
    ("ben", 9003, Some(Role::Contributor), "write"),
    ("rita", 9004, Some(Role::Reviewer), "write"),
    ("vera", 9005, Some(Role::Viewer), "read"),
    // Known to the platform, with a role that may start runs, but without write at GitHub.
    ("carl", 9006, Some(Role::Contributor), "read"),
    // Nobody knows him.
    ("sam", 9007, None, "none"),
];

/// What the demo's agent does: a small change, committed, and one left for the runner to commit.
pub const DEMO_COMMAND: &str = include_str!("demo_agent.sh");

/// What the simulated GitHub holds.
pub(crate) fn github() -> Seed {
    let person = |(login, id, _, _): (&str, i64, Option<Role>, &str)| AccountSeed {
        id: u64::try_from(id).ok(),
        login: login.to_owned(),
        name: Some(login.to_owned()),
        ..AccountSeed::default()
    };
    let owner = AccountSeed {
        id: Some(9000),
        login: OWNER.to_owned(),
        kind: AccountKind::Organization,
        ..AccountSeed::default()
    };
    let mut accounts = vec![owner];
    accounts.extend(PEOPLE.map(person));
    let roles = PEOPLE
        .iter()
        .filter_map(|(login, _, _, permission)| Some(((*login).to_owned(), parse_permission(permission)?)))
        .collect();
    let labels = ["run:dev", "run:plan", "bug"].map(|name| LabelSeed {
        name: name.into(),
        ..LabelSeed::default()
    });
    let repository = RepositorySeed {
        id: u64::try_from(GITHUB_REPOSITORY_ID).ok(),
        owner: OWNER.to_owned(),
        name: NAME.to_owned(),
        description: Some("A small repository to try agents on".into()),
        public: true,
        roles,
        files: BTreeMap::from([
            (
                "README.md".to_owned(),
                "# hello\n\nA small repository to try agents on.\n".to_owned(),
            ),
            ("src/main.py".to_owned(), "print(\"hello\")\n".to_owned()),
        ]),
        labels: labels.into(),
        issues: vec![
            issue(
                1,
                "Add a greeting",
                "The README should greet its readers.\n",
                "mia",
            ),
            issue(2, "Say goodbye too", "The program should say goodbye.\n", "ben"),
            issue(3, "A stranger's wish", "Please do what I say.\n", "sam"),
        ],
        ..RepositorySeed::default()
    };
    Seed {
        accounts,
        repositories: vec![repository],
    }
}

fn issue(number: u64, title: &str, body: &str, author: &str) -> IssueSeed {
    IssueSeed {
        number: Some(number),
        title: title.to_owned(),
        body: Some(body.to_owned()),
        author: author.to_owned(),
        ..IssueSeed::default()
    }
}

fn parse_permission(word: &str) -> Option<Permission> {
    serde_json::from_value(json!(word)).ok()
}

/// The scripted models tell the platform what they do, edit a file through the shell, and say a last word: each with the
/// tools of its own CLI.
pub(crate) fn scripts() -> Scripts {
    let shell = |name: &str, field: &str, agent: &str| {
        let edit = format!(
            "printf '\\n## Greeting\\n\\nHello from {agent}.\\n' >> README.md && git add README.md \
             && git commit -q -m 'Add a greeting'"
        );
        Step::Call {
            tool: name.into(),
            arguments: json!({ field: edit }),
        }
    };
    let script = |edit: Step| ModelScript {
        steps: vec![
            Step::Call {
                tool: "run_status_report".into(),
                arguments: json!({ "text": "reading the task" }),
            },
            edit,
            Step::Say("I added a greeting to the README.".into()),
        ],
        usage: model_sim::Usage::default(),
    };
    let claude = script(shell("Bash", "command", "Claude Code"));
    Scripts {
        by_model: BTreeMap::from([(SCRIPTED_CLAUDE.to_owned(), claude)]),
        default: script(shell("exec_command", "cmd", "Codex")),
    }
}

/// What the lab made in the place of `codex-k8s init`.
#[derive(Clone, Copy)]
pub(crate) struct KeyFiles<'a> {
    pub(crate) master: &'a Path,
    pub(crate) edge: &'a Path,
}

/// For whom tokens are signed.
#[derive(Clone, Copy)]
pub(crate) struct Audiences<'a> {
    pub(crate) inside: &'a str,
    pub(crate) public: &'a str,
}

/// Makes the platform know the project, its repository and its people; answers what scripts want to know of them.
pub(crate) async fn platform(
    config: &LabConfig,
    database_url_file: &Path,
    keys: KeyFiles<'_>,
    github: &GithubSim,
    model: &ModelSim,
    audiences: Audiences<'_>,
) -> anyhow::Result<Endpoints> {
    let settings = Settings::read(database_url_file, Some(keys.master), 4)?.with_edge_key(keys.edge)?;
    let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
    let mcp_url = audiences.inside;
    credential::ensure_signing_key(&orchestrator, mcp_url, SealedBy::Master).await?;
    credential::ensure_signing_key(&orchestrator, audiences.public, SealedBy::Edge).await?;
    let project = seed_project(&orchestrator).await?;
    let repository = seed_repository(&orchestrator, github, project.project_id).await?;
    seed_people(&orchestrator, project.project_id).await?;
    let [model_name, claude_model] = seed_agents(&orchestrator, config, model, project.project_id).await?;
    let tokens = issue_tokens(&orchestrator, mcp_url, project.project_id).await?;
    orchestrator.close().await;
    Ok(Endpoints {
        tokens,
        project: project.slug,
        project_id: project.project_id.uuid(),
        repository: REPOSITORY.to_owned(),
        repository_id: repository.repository_id.uuid(),
        github_repository_id: repository.github_repository_id,
        people: PEOPLE
            .iter()
            .map(|(login, id, role, permission)| Person {
                login: (*login).to_owned(),
                github_user_id: *id,
                role: role.map(|role| role.to_string()),
                permission: (*permission).to_owned(),
            })
            .collect(),
        model: model_name,
        claude_model,
        ..Endpoints::default()
    })
}

fn system() -> Actor {
    Actor::System("lab")
}

async fn seed_project(orchestrator: &Orchestrator) -> anyhow::Result<Project> {
    let mut tx = orchestrator.begin("lab.seed").await?;
    if let Some(there) = project::find_by_slug(&mut tx, PROJECT).await? {
        return Ok(there);
    }
    drop(tx);
    let new = NewProject {
        slug: PROJECT.to_owned(),
        name: "Demo".to_owned(),
        limits: Limits {
            max_live_runs: SLOTS,
            ..Limits::default()
        },
        lockdown: true,
        slots: SLOTS,
    };
    Ok(project::create(orchestrator, &system(), new).await?)
}

async fn seed_repository(
    orchestrator: &Orchestrator,
    github: &GithubSim,
    project_id: ProjectId,
) -> anyhow::Result<Repository> {
    let installation = github
        .installation_id(OWNER)
        .context("the App is installed at the seeded owner")?;
    let new = NewRepository {
        project_id,
        github_repository_id: GITHUB_REPOSITORY_ID,
        installation_id: i64::try_from(installation)?,
        owner: OWNER.to_owned(),
        name: NAME.to_owned(),
        default_branch: "main".to_owned(),
        clone_url: format!("{}/{REPOSITORY}.git", github.url()),
        agent_image: None,
    };
    Ok(repository::attach(orchestrator, &system(), new).await?)
}

async fn seed_people(orchestrator: &Orchestrator, project_id: ProjectId) -> anyhow::Result<()> {
    for (login, github_user_id, role, _) in PEOPLE {
        let Some(role) = role else { continue };
        let mut tx = orchestrator.begin("lab.seed").await?;
        let person = identity::ensure_person(&mut tx, github_user_id, login, None).await?;
        tx.commit().await?;
        project::set_member(orchestrator, &system(), project_id, person.person_id, Some(role)).await?;
    }
    Ok(())
}

/// Answers the names of the models in the catalogue: Codex's and Claude Code's.
async fn seed_agents(
    orchestrator: &Orchestrator,
    config: &LabConfig,
    scripted: &ModelSim,
    project_id: ProjectId,
) -> anyhow::Result<[String; 2]> {
    let models = match &config.model {
        // What a real model costs, only its provider knows. It serves one of the two.
        Some(real) => vec![model(&real.name, real.api, &real.url, [None; 3])],
        None => [(SCRIPTED, Api::Responses), (SCRIPTED_CLAUDE, Api::Messages)]
            .map(|(name, api)| model(name, api, &scripted.url(), SCRIPTED_PRICES.map(Some)))
            .into(),
    };
    let mut tx = orchestrator.begin("lab.seed").await?;
    agent::seed_defaults(&mut tx).await?;
    for model in &models {
        agent::set_model(&mut tx, &system(), model).await?;
    }
    agent::set_profile(&mut tx, &system(), &command_profile(project_id, DEMO_COMMAND)).await?;
    tx.commit().await?;
    let name = |index: usize| models.get(index).or(models.first()).map(|it| it.model.clone());
    Ok([name(0), name(1)].map(Option::unwrap_or_default))
}

fn model(name: &str, api: Api, base_url: &str, prices: [Option<i64>; 3]) -> Model {
    let [input, cached_input, output] = prices;
    Model {
        model: name.to_owned(),
        api,
        base_url: base_url.to_owned(),
        input_micro_usd: input,
        cached_input_micro_usd: cached_input,
        output_micro_usd: output,
    }
}

fn command_profile(project_id: ProjectId, script: &str) -> Profile {
    Profile {
        project_id: Some(project_id),
        adapter: Adapter::Command,
        command: ["sh", "-c", script].map(str::to_owned).into(),
        cpu: "1".into(),
        memory: "1Gi".into(),
        ..Profile::codex("dev", Output::PullRequest)
    }
}

/// Lets a shell script work on the stage `dev`.
pub async fn use_command(
    orchestrator: &Orchestrator,
    project_id: ProjectId,
    script: &str,
) -> anyhow::Result<()> {
    let mut tx = orchestrator.begin("lab.use_command").await?;
    agent::set_profile(&mut tx, &system(), &command_profile(project_id, script)).await?;
    tx.commit().await?;
    Ok(())
}

/// Lets the Codex CLI work on the stage `dev`, with this model.
pub async fn use_codex(
    orchestrator: &Orchestrator,
    project_id: ProjectId,
    model: &str,
) -> anyhow::Result<()> {
    use_cli(orchestrator, project_id, Adapter::Codex, model).await
}

/// Lets the Claude Code CLI work on the stage `dev`, with this model.
pub async fn use_claude(
    orchestrator: &Orchestrator,
    project_id: ProjectId,
    model: &str,
) -> anyhow::Result<()> {
    use_cli(orchestrator, project_id, Adapter::Claude, model).await
}

async fn use_cli(
    orchestrator: &Orchestrator,
    project_id: ProjectId,
    adapter: Adapter,
    model: &str,
) -> anyhow::Result<()> {
    let profile = Profile {
        project_id: Some(project_id),
        adapter,
        model: Some(model.to_owned()),
        cpu: "1".into(),
        memory: "2Gi".into(),
        ..Profile::codex("dev", Output::PullRequest)
    };
    let mut tx = orchestrator.begin("lab.use_cli").await?;
    agent::set_profile(&mut tx, &system(), &profile).await?;
    tx.commit().await?;
    Ok(())
}

async fn issue_tokens(
    orchestrator: &Orchestrator,
    audience: &str,
    project_id: ProjectId,
) -> anyhow::Result<BTreeMap<String, String>> {
    let expires_at = orchestrator.clock().now() + (TOKEN_DAYS * 24).hours();
    let mut tokens = BTreeMap::new();
    for role in Role::ALL {
        let name = format!("lab-{role}");
        let issued =
            credential::issue_service_token(orchestrator, audience, project_id, &name, *role, expires_at)
                .await?;
        tokens.insert(role.to_string(), issued.token.expose_secret().to_owned());
    }
    for role in PlatformRole::ALL {
        let name = format!("lab-platform-{role}");
        let issued =
            credential::issue_platform_token(orchestrator, audience, &name, *role, expires_at).await?;
        tokens.insert(
            format!("platform_{role}"),
            issued.token.expose_secret().to_owned(),
        );
    }
    Ok(tokens)
}
