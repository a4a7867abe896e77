//! A project whose repository is read as the worker reads it.

use orchestrator::actor::Role;
use orchestrator::id::{ProjectId, RepositoryId};
use orchestrator::knowledge::{
    self, Ask, Counted, DocumentKind, Found, Language, NewDocument, NewPassage, SourceChanges, VisibleTo,
};
use orchestrator::testing::{Seeded, TestDb, seed};
use orchestrator::trace::TraceParent;
use orchestrator::{Actor, Orchestrator, Result};

pub(super) struct Shelf {
    pub(super) db: TestDb,
    pub(super) orchestrator: Orchestrator,
    pub(super) alpha: Seeded,
    pub(super) beta: Seeded,
}

impl Shelf {
    pub(super) async fn new() -> Self {
        let db = TestDb::new().await;
        let orchestrator = db.orchestrator().await;
        let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
        let beta = seed(&orchestrator, "beta", 2, 2).await.unwrap();
        Self {
            db,
            orchestrator,
            alpha,
            beta,
        }
    }

    /// A pass over a public repository whose tree has these documents; answers what became of the passages.
    pub(super) async fn pass(&self, id: RepositoryId, commit: &str, documents: &[NewDocument]) -> Counted {
        let pass = knowledge::begin(&self.orchestrator, id, commit, false)
            .await
            .unwrap();
        let pass = pass.expect("there is something to read");
        let files: Vec<_> = documents
            .iter()
            .map(|document| (document.path.clone(), document.blob_sha.clone()))
            .collect();
        let changed = knowledge::compare(&self.orchestrator, &pass, &files)
            .await
            .unwrap();
        let mut all = Counted::default();
        for document in documents
            .iter()
            .filter(|document| changed.contains(&document.path))
        {
            let counted = knowledge::put(&self.orchestrator, &pass, document).await.unwrap();
            all.added += counted.added;
            all.kept += counted.kept;
            all.removed += counted.removed;
        }
        knowledge::finish(&self.orchestrator, &pass).await.unwrap();
        all
    }

    pub(super) async fn search(&self, actor: &Actor, ask: Ask) -> Result<Found> {
        knowledge::search(&self.orchestrator, actor, &ask, &TraceParent::begin()).await
    }

    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.db.pool()).await.unwrap()
    }

    pub(super) async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self.db.pool()).await.unwrap();
    }

    pub(super) async fn set(&self, id: RepositoryId, changes: SourceChanges) {
        let version = sqlx::query_scalar("SELECT version FROM knowledge_sources WHERE repository_id = $1")
            .bind(id.uuid())
            .fetch_one(self.db.pool())
            .await
            .unwrap();
        let system = Actor::System("test");
        knowledge::change(&self.orchestrator, &system, id, version, changes, None)
            .await
            .unwrap();
    }

    pub(super) async fn close_to_readers(&self, id: RepositoryId) {
        let changes = SourceChanges {
            visible_to: Some(Some(VisibleTo::GithubReaders)),
            ..SourceChanges::default()
        };
        self.set(id, changes).await;
    }
}

/// A program's token in a project.
pub(super) fn service(project_id: ProjectId) -> Actor {
    Actor::Service {
        token_id: orchestrator::id::TokenId::new(),
        name: "ci".into(),
        project_id,
        role: Role::Viewer,
    }
}

pub(super) fn ask(query: &str) -> Ask {
    Ask {
        query: query.into(),
        limit: 10,
        ..Ask::default()
    }
}

/// A document whose passages are its paragraphs; `# name` lines name what a passage defines.
pub(super) fn document(path: &str, language: Language, paragraphs: &[&str]) -> NewDocument {
    let mut line = 1;
    let mut passages = Vec::new();
    for paragraph in paragraphs {
        let lines = u32::try_from(paragraph.lines().count()).unwrap();
        let names = paragraph
            .lines()
            .filter_map(|line| line.strip_prefix("fn "))
            .map(str::to_owned);
        passages.push(NewPassage {
            heading: String::new(),
            names: names.collect(),
            lines: (line, line + lines - 1),
            text: (*paragraph).into(),
        });
        line += lines + 1;
    }
    let text = paragraphs.join("\n\n");
    NewDocument {
        path: path.into(),
        blob_sha: format!("blob of {text}"),
        bytes: i64::try_from(text.len()).unwrap(),
        kind: if path.contains(".md") {
            DocumentKind::Docs
        } else {
            DocumentKind::Code
        },
        language,
        text,
        passages,
    }
}
