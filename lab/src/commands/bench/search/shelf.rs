//! The platform's memory, filled with the corpus: repositories of fixed shares of it, each in a project of its own.

use anyhow::Context;
use orchestrator::actor::Role;
use orchestrator::id::{ProjectId, RepositoryId, TokenId};
use orchestrator::knowledge::{self, NewPassage};
use orchestrator::ports::EmbeddingModel;
use orchestrator::postgres::{self, admin};
use orchestrator::project::{self, Limits, NewProject};
use orchestrator::repository::{self, NewRepository};
use orchestrator::{Actor, Clock, Orchestrator, Settings};

use super::super::database::Server;
use super::super::load::CONNECTIONS;
use super::corpus::Source;
use super::vectors::Vectors;

pub(super) const DATABASE: &str = "search";
const SYSTEM: Actor = Actor::System("bench");
/// What each repository has of the corpus, in thousandths; the last one has the rest.
const SHARES: [usize; 5] = [1, 10, 100, 200, 1000];
/// Passages whose vectors are kept at once.
const KEPT: i64 = 500;
const COMMIT: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

pub(super) struct Shelf {
    pub(super) orchestrator: Orchestrator,
    pub(super) model_id: i16,
    pub(super) filters: Vec<Filter>,
}

/// Who asks, and so what he searches.
pub(super) struct Filter {
    pub(super) actor: Actor,
    /// Of all passages.
    pub(super) share: f64,
    pub(super) passages: usize,
    pub(super) repositories: Vec<RepositoryId>,
}

/// What of a passage is embedded, as the platform does it.
pub(super) fn embedded_text(passage: &NewPassage) -> String {
    if passage.heading.is_empty() {
        passage.text.clone()
    } else {
        format!("{}\n{}", passage.heading, passage.text)
    }
}

impl Shelf {
    pub(super) async fn fill(
        server: &Server,
        sources: &[Source],
        vectors: &Vectors,
        model: &EmbeddingModel,
    ) -> anyhow::Result<Self> {
        admin::ensure_database(&server.url("postgres"), DATABASE).await?;
        postgres::migrate(&server.url(DATABASE)).await?;
        let settings = Settings {
            database_url: server.url(DATABASE).into(),
            max_connections: u32::try_from(CONNECTIONS)?,
            look_connections: u32::try_from(CONNECTIONS)?,
            master_key: None,
            edge_key: None,
        };
        let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
        knowledge::agree_on(&orchestrator, Some(model)).await?;
        let models = knowledge::models_at_work(&orchestrator).await?;
        let mut shelf = Self {
            model_id: models.first().context("a model")?.model_id,
            orchestrator,
            filters: Vec::new(),
        };
        let all = sources.iter().map(|it| it.document.passages.len()).sum::<usize>();
        let mut rest = sources;
        for thousandths in SHARES {
            let (part, after) = first(rest, (all * thousandths).div_ceil(1000));
            shelf.put(part, all).await?;
            rest = after;
        }
        let repositories = shelf.filters.iter().flat_map(|it| it.repositories.clone());
        let everything = Filter {
            actor: SYSTEM,
            share: 1.0,
            passages: all,
            repositories: repositories.collect(),
        };
        shelf.filters.pop();
        shelf.filters.push(everything);
        shelf.embed(vectors).await?;
        server.ask(DATABASE, "ANALYZE").await?;
        Ok(shelf)
    }

    /// A project with one repository that holds these files.
    async fn put(&mut self, sources: &[Source], all: usize) -> anyhow::Result<()> {
        let number = self.filters.len() + 1;
        let project_id = self.project(number).await?;
        let repository_id = self.repository(project_id, number).await?;
        let pass = knowledge::begin(&self.orchestrator, repository_id, COMMIT, false).await?;
        let pass = pass.context("a pass")?;
        for source in sources {
            knowledge::put(&self.orchestrator, &pass, &source.document).await?;
        }
        knowledge::finish(&self.orchestrator, &pass).await?;
        let passages = sources.iter().map(|it| it.document.passages.len()).sum();
        eprintln!("  a repository of {passages} passages");
        self.filters.push(Filter {
            actor: Actor::Service {
                token_id: TokenId::new(),
                name: "bench".to_owned(),
                project_id,
                role: Role::Viewer,
            },
            share: share(passages, all),
            passages,
            repositories: vec![repository_id],
        });
        Ok(())
    }

    async fn project(&self, number: usize) -> anyhow::Result<ProjectId> {
        let new = NewProject {
            slug: format!("part-{number}"),
            name: format!("Part {number}"),
            limits: Limits::default(),
            lockdown: true,
            slots: 1,
        };
        Ok(project::create(&self.orchestrator, &SYSTEM, new)
            .await?
            .project_id)
    }

    async fn repository(&self, project_id: ProjectId, number: usize) -> anyhow::Result<RepositoryId> {
        let new = NewRepository {
            project_id,
            github_repository_id: i64::try_from(number)?,
            installation_id: 1,
            owner: "crates".to_owned(),
            name: format!("part-{number}"),
            default_branch: "main".to_owned(),
            clone_url: format!("https://github.example/crates/part-{number}.git"),
            agent_image: None,
        };
        Ok(repository::attach(&self.orchestrator, &SYSTEM, new)
            .await?
            .repository_id)
    }

    async fn embed(&self, vectors: &Vectors) -> anyhow::Result<()> {
        let mut kept = 0;
        loop {
            let waiting = knowledge::unembedded(&self.orchestrator, self.model_id, KEPT).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            let of = |passage: &knowledge::Unembedded| {
                anyhow::Ok((passage.chunk_id, vectors.of(&passage.embedded_text())?.clone()))
            };
            let made = waiting.iter().map(of).collect::<anyhow::Result<Vec<_>>>()?;
            kept += knowledge::keep_vectors(&self.orchestrator, self.model_id, &made).await?;
            if kept % 10_000 == 0 {
                eprintln!("  {kept} vectors in the index");
            }
        }
    }
}

/// The first files that together have so many passages.
fn first(sources: &[Source], passages: usize) -> (&[Source], &[Source]) {
    let mut count = 0;
    let fits = sources.iter().take_while(|source| {
        let before = count;
        count += source.document.passages.len();
        before < passages
    });
    sources.split_at(fits.count())
}

#[expect(clippy::cast_precision_loss, reason = "counts of some hundred thousand")]
pub(super) fn share(some: usize, all: usize) -> f64 {
    some as f64 / all.max(1) as f64
}
