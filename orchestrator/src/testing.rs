//! What tests stand on: a database of their own on a real PostgreSQL, cloned from a template.

mod look;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use embedded_postgres::{Durability, Environment, Options, Postgres};
use secrecy::SecretString;
use sqlx::PgPool;

use crate::actor::{Actor, Role, RunActor, RunSide};
use crate::clock::Clock;
use crate::credential::{self, EdgeKey, MasterKey, SealedBy};
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId, RepositoryId, TokenId};
use crate::orchestrator::{Orchestrator, Settings};
use crate::postgres::{Program, Roles, admin};
use crate::project::{self, Limits, NewProject};
use crate::repository::{self, NewRepository};
use crate::run::jobs::StartRunner;
use crate::run::{self, NewRun, Run, RunTask};
use crate::trace::TraceParent;
use crate::{agent, identity};

pub use self::look::{dump, is_sweep_due, make_sweep_due, open_jobs};

/// Databases of tests are named so.
pub const DATABASE_PREFIX: &str = "t_";
/// Stories look as mcp-server does.
const LOOK_CONNECTIONS: u32 = 4;

/// Folders of servers are named so, and by their process.
const FOLDER_PREFIX: &str = "codex-k8s-test-";

/// The server of this process, if `TEST_DATABASE_URL` names none.
static SERVER: OnceLock<Postgres> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A migrated, empty database.
pub struct TestDb {
    server_url: String,
    name: String,
    url: String,
    pool: PgPool,
}

impl TestDb {
    /// Clones the template: about 40 ms.
    ///
    /// # Panics
    ///
    /// If there is no server and none can be started; the message says why.
    pub async fn new() -> Self {
        let server_url = tokio::task::spawn_blocking(server_url)
            .await
            .expect("the server starts");
        let template = admin::ensure_template(&server_url)
            .await
            .expect("the template is made");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{DATABASE_PREFIX}{}_{count}_{}",
            std::process::id(),
            rand::random::<u32>()
        );
        let url = admin::clone_database(&server_url, &template, &name)
            .await
            .expect("the template is cloned");
        let pool = admin::small_pool(&url).await.expect("the clone answers");
        Self {
            server_url,
            name,
            url,
            pool,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// For a test's own look at the rows.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// For a test's own look: the rows of a query with one column of text.
    pub async fn texts(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query)
            .fetch_all(&self.pool)
            .await
            .expect("the query fits")
    }

    /// The same with one argument.
    pub async fn texts_with(&self, query: &'static str, argument: &str) -> Vec<String> {
        sqlx::query_scalar(query)
            .bind(argument)
            .fetch_all(&self.pool)
            .await
            .expect("the query fits")
    }

    /// The same as one of the programs sees it.
    pub async fn texts_as(&self, program: Program, query: &'static str) -> Vec<String> {
        let pool = self.pool_of(program).await;
        let rows = sqlx::query_scalar(query).fetch_all(&pool).await;
        pool.close().await;
        rows.expect("the query fits")
    }

    /// The SQLSTATE with which a statement of a program is refused.
    pub async fn refusal_of(&self, program: Program, statement: &'static str) -> Option<String> {
        let pool = self.pool_of(program).await;
        let done = sqlx::raw_sql(statement).execute(&pool).await;
        pool.close().await;
        let error = done.err()?;
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        Some(code.map_or_else(|| error.to_string(), std::borrow::Cow::into_owned))
    }

    /// Runs a statement as the owner of all.
    pub async fn run(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(&self.pool)
            .await
            .expect("the statement runs");
    }

    async fn pool_of(&self, program: Program) -> PgPool {
        let url = Roles::default().url(&self.url, program);
        admin::small_pool(&url).await.expect("the role may connect")
    }

    /// Opens the platform's memory on this database.
    pub async fn orchestrator(&self) -> Orchestrator {
        self.orchestrator_with(Clock::default(), MasterKey::generate())
            .await
    }

    /// As [`Self::orchestrator`], with a clock the test moves, or a key another replica has too.
    pub async fn orchestrator_with(&self, clock: Clock, master_key: MasterKey) -> Orchestrator {
        let settings = Settings {
            database_url: SecretString::from(self.url.clone()),
            max_connections: 10,
            look_connections: LOOK_CONNECTIONS,
            master_key: Some(master_key),
            edge_key: None,
        };
        Orchestrator::open(settings, clock)
            .await
            .expect("the database answers")
    }

    /// As one of the programs opens it: under its role, with a key of its kind.
    pub async fn orchestrator_of(
        &self,
        program: Program,
        clock: Clock,
        master_key: MasterKey,
    ) -> Orchestrator {
        let settings = Settings {
            database_url: SecretString::from(Roles::default().url(&self.url, program)),
            max_connections: 10,
            look_connections: LOOK_CONNECTIONS,
            master_key: Some(master_key),
            edge_key: None,
        };
        Orchestrator::open(settings, clock)
            .await
            .expect("the database answers")
    }

    /// As the gateway opens it: under its role, with the edge key, and no master key.
    pub async fn gateway(&self, clock: Clock, edge_key: EdgeKey) -> Orchestrator {
        let settings = Settings {
            database_url: SecretString::from(Roles::default().url(&self.url, Program::Gateway)),
            max_connections: 10,
            look_connections: 0,
            master_key: None,
            edge_key: Some(edge_key),
        };
        Orchestrator::open(settings, clock)
            .await
            .expect("the database answers")
    }

    /// With the gateway's key, as the owner of all: for what a story prepares.
    pub async fn edge(&self, clock: Clock, edge_key: EdgeKey) -> Orchestrator {
        let settings = Settings {
            database_url: SecretString::from(self.url.clone()),
            max_connections: 10,
            look_connections: 0,
            master_key: None,
            edge_key: Some(edge_key),
        };
        Orchestrator::open(settings, clock)
            .await
            .expect("the database answers")
    }

    /// Drops the database. A test that failed before leaves it for a look.
    pub async fn done(self) {
        self.pool.close().await;
        admin::drop_database(&self.server_url, &self.name)
            .await
            .expect("the database is dropped");
    }
}

fn server_url() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no `main` to read its configuration in"
    )]
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        return url;
    }
    let server = SERVER.get_or_init(|| {
        let environment: Environment = std::env::vars_os().collect();
        let cache = embedded_postgres::default_cache_dir(&environment).unwrap_or_else(std::env::temp_dir);
        sweep(&std::env::temp_dir());
        let data = std::env::temp_dir().join(format!("{FOLDER_PREFIX}{}", std::process::id()));
        let mut options = Options::new(cache, PathBuf::from(&data), environment);
        options.durability = Durability::ThrowAway;
        Postgres::start(&options).unwrap_or_else(|error| panic!("no PostgreSQL for the tests: {error}"))
    });
    server.url("postgres")
}

/// Removes what servers of ended processes left behind, about 60 MB each: a server lives until its process ends, so
/// nobody is left to remove its own.
fn sweep(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another process may be removing it too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// A project with a repository, people and the default agents: what most tests begin with.
#[derive(Clone, Debug)]
pub struct Seeded {
    pub project_id: ProjectId,
    pub repository_id: RepositoryId,
    /// A member with the role maintainer.
    pub maintainer: Actor,
    pub person_id: PersonId,
}

/// The audience of tokens in tests.
pub const AUDIENCE: &str = "http://platform.test/mcp";

/// The audience of people's tokens in tests.
pub const PUBLIC_AUDIENCE: &str = "https://codex-k8s.test/mcp";

/// Seeds a project named `slug`. `number` must differ between projects of one database.
pub async fn seed(orchestrator: &Orchestrator, slug: &str, number: i64, slots: i32) -> Result<Seeded> {
    let system = Actor::System("test");
    credential::ensure_signing_key(orchestrator, AUDIENCE, SealedBy::Master).await?;
    let new = NewProject {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        limits: Limits {
            max_live_runs: slots,
            ..Limits::default()
        },
        lockdown: true,
        slots,
    };
    let project = project::create(orchestrator, &system, new).await?;
    let mut tx = orchestrator.begin("testing.seed").await?;
    agent::seed_defaults(&mut tx).await?;
    let person = identity::ensure_person(&mut tx, 1000 + number, &format!("{slug}-maintainer"), None).await?;
    tx.commit().await?;
    let role = Some(Role::Maintainer);
    project::set_member(orchestrator, &system, project.project_id, person.person_id, role).await?;
    let new = NewRepository {
        project_id: project.project_id,
        github_repository_id: 5000 + number,
        installation_id: 7,
        owner: "octo".into(),
        name: slug.to_owned(),
        default_branch: "main".into(),
        clone_url: format!("http://127.0.0.1:1/octo/{slug}.git"),
        agent_image: None,
    };
    let repository = repository::attach(orchestrator, &system, new).await?;
    Ok(Seeded {
        project_id: project.project_id,
        repository_id: repository.repository_id,
        maintainer: person.actor(),
        person_id: person.person_id,
    })
}

/// The id and the private half, as PKCS #8, of what an audience's tokens are signed with.
///
/// # Errors
///
/// As of a program that signs: there is no such key, or its key file is not this one's.
pub async fn private_key(orchestrator: &Orchestrator, audience: &str) -> Result<(String, Vec<u8>)> {
    credential::private_key(orchestrator, audience).await
}

impl Seeded {
    /// A wish for a run of the stage `dev` on an issue.
    pub fn new_run(&self, number: Option<i64>) -> NewRun {
        NewRun {
            project_id: self.project_id,
            repository_id: self.repository_id,
            number,
            stage: "dev".into(),
            task: RunTask::default(),
            source_key: None,
            delivery_id: None,
            retry_of: None,
            cause_depth: 0,
            started_by: Some(self.person_id),
            issue_text_sha256: None,
            instruction: None,
            model: None,
            effort: None,
            traceparent: TraceParent::begin(),
        }
    }

    /// Starts a run on an issue as the maintainer.
    pub async fn start(&self, orchestrator: &Orchestrator, number: Option<i64>) -> Result<Run> {
        run::start(orchestrator, &self.maintainer, self.new_run(number), None).await
    }
}

/// The supervisor of a run's current turn, as its token would prove it.
pub fn supervisor_of(run: &Run) -> Actor {
    runner_of(run, RunSide::Supervisor)
}

/// The agent of a run's current turn.
pub fn agent_of(run: &Run) -> Actor {
    runner_of(run, RunSide::Agent)
}

fn runner_of(run: &Run, side: RunSide) -> Actor {
    Actor::Run(RunActor {
        token_id: TokenId::new(),
        side,
        project_id: run.project_id,
        run_id: run.run_id,
        turn: run.turn,
        fence: run.fence,
    })
}

/// Admits the next run and brings it to `running`, as the worker and its pod would.
pub async fn admit_and_run(orchestrator: &Orchestrator) -> Result<Run> {
    let run_id = run::admit_next(orchestrator)
        .await?
        .ok_or_else(|| Error::Conflict("nobody to admit".into()))?;
    let run = run::get(orchestrator, &Actor::System("test"), run_id).await?;
    let job = StartRunner {
        run_id,
        turn: run.turn,
        fence: run.fence,
    };
    run::want_pod(orchestrator, AUDIENCE, &job, None).await?;
    run::heartbeat(orchestrator, &supervisor_of(&run)).await?;
    run::get(orchestrator, &Actor::System("test"), run_id).await
}
