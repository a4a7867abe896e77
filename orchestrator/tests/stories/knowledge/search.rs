//! Searches by words, and who finds what.

use orchestrator::knowledge::{self, Ask, DocumentKind, Language, Lines, Mode, Named};
use orchestrator::repository;
use orchestrator::trace::TraceParent;
use orchestrator::{Actor, Error};

use super::shelf::{Shelf, ask, document, service};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[tokio::test]
async fn words_and_names_are_found_with_commit_path_and_lines() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    let documents = [
        document(
            "docs/slots.md",
            Language::English,
            &[
                "Slots hold runs.",
                "A frozen worker leases nothing.\nIts fence has moved.",
            ],
        ),
        document(
            "src/lease.rs",
            Language::Simple,
            &["fn lease_slot\nlet freeWorker = 1;", "fn other"],
        ),
        document(
            "docs/ru.md",
            Language::Russian,
            &["Слоты освобождаются по доказательству."],
        ),
    ];
    shelf.pass(id, COMMIT, &documents).await;
    let actor = service(shelf.alpha.project_id);

    let found = shelf.search(&actor, ask("which workers lease?")).await.unwrap();
    let hit = &found.hits[0];
    assert_eq!(
        (hit.path.as_str(), hit.lines, hit.commit.as_str()),
        ("docs/slots.md", (3, 4), COMMIT)
    );
    assert_eq!(hit.matched, ["leases", "worker"]);
    assert_eq!(found.mode, Mode::Text);
    assert!(
        found.note.unwrap().contains("no embedding model"),
        "it says that words alone were searched"
    );
    assert_eq!(found.indexes[0].commit.as_deref(), Some(COMMIT));

    for (query, path) in [
        ("lease_slot", "src/lease.rs"),
        ("LEASE_SLOT", "src/lease.rs"),
        ("leaze_slot", "src/lease.rs"),
        ("freeWorker", "src/lease.rs"),
        ("слот освободить", "docs/ru.md"),
        ("docs/ru.md", "docs/ru.md"),
    ] {
        let found = shelf.search(&actor, ask(query)).await.unwrap();
        assert_eq!(
            found.hits.first().map(|hit| hit.path.as_str()),
            Some(path),
            "{query}"
        );
    }
    let only = Ask {
        paths: Some(vec!["src/**".into()]),
        ..ask("worker lease slot")
    };
    let found = shelf.search(&actor, only).await.unwrap();
    assert!(!found.hits.is_empty() && found.hits.iter().all(|hit| hit.path == "src/lease.rs"));
    let only = Ask {
        kinds: Some(vec![DocumentKind::Docs]),
        ..ask("worker lease slot")
    };
    let found = shelf.search(&actor, only).await.unwrap();
    assert!(!found.hits.is_empty() && found.hits.iter().all(|hit| hit.kind == DocumentKind::Docs));
}

#[tokio::test]
async fn a_search_can_be_pinned_and_a_bad_one_says_what_to_do() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    shelf
        .pass(id, COMMIT, &[document("a.md", Language::English, &["A word."])])
        .await;
    let actor = service(shelf.alpha.project_id);
    let pinned = |commit: &str| Ask {
        commit: Some(commit.into()),
        ..ask("word")
    };
    assert_eq!(
        shelf
            .search(&actor, pinned(&COMMIT[..8]))
            .await
            .unwrap()
            .hits
            .len(),
        1
    );
    let refused = shelf.search(&actor, pinned("fedcba98")).await.unwrap_err();
    assert!(refused.to_string().contains(COMMIT), "{refused}");
    for bad in ["&& || ! <->", "***", "\u{202e}"] {
        assert!(
            matches!(shelf.search(&actor, ask(bad)).await, Err(Error::Invalid(_))),
            "{bad:?}"
        );
    }
    let escape = Ask {
        paths: Some(vec!["../{a,b}".into()]),
        ..ask("word")
    };
    assert!(matches!(
        shelf.search(&actor, escape).await,
        Err(Error::Invalid(_))
    ));
    // What looks like syntax of a text search is words.
    for odd in ["word' | 'x", "word & !", "a:*b \\ word", "((word"] {
        assert_eq!(
            shelf.search(&actor, ask(odd)).await.unwrap().hits.len(),
            1,
            "{odd}"
        );
    }
}

#[tokio::test]
async fn near_copies_are_folded_and_enough_are_found_all_the_same() {
    let shelf = Shelf::new().await;
    let licence =
        "Permission is hereby granted free of charge to any person obtaining a copy of this software.";
    let mut documents: Vec<_> = (0..40)
        .map(|n| document(&format!("LICENSE-{n}.md"), Language::English, &[licence]))
        .collect();
    documents.extend((0..5).map(|n| {
        let text = format!("The person number {n} grants another thing of {n} kinds, free and {n} times.");
        document(&format!("other-{n}.md"), Language::English, &[&text])
    }));
    shelf.pass(shelf.alpha.repository_id, COMMIT, &documents).await;
    let few = Ask {
        limit: 6,
        ..ask("granted free to any person")
    };
    let found = shelf.search(&service(shelf.alpha.project_id), few).await.unwrap();
    assert_eq!(found.hits.len(), 6);
    let licences = found
        .hits
        .iter()
        .filter(|hit| hit.path.starts_with("LICENSE"))
        .count();
    assert_eq!(licences, 1, "{:?}", found.hits);
}

#[tokio::test]
async fn no_project_finds_anothers_text_nor_hears_of_it_by_a_score() {
    let shelf = Shelf::new().await;
    let (alpha, beta) = (&shelf.alpha, &shelf.beta);
    let own = document(
        "own.md",
        Language::English,
        &["The canary sings here.", "Another thing."],
    );
    shelf.pass(alpha.repository_id, COMMIT, &[own]).await;
    let actor = service(alpha.project_id);
    let before = shelf.search(&actor, ask("canary sings")).await.unwrap();

    let foreign: Vec<_> = (0..30)
        .map(|n| {
            let text = format!("A foreign canary sings {n} secrets.");
            document(&format!("foreign-{n}.md"), Language::English, &[&text])
        })
        .collect();
    shelf.pass(beta.repository_id, COMMIT, &foreign).await;
    let after = shelf.search(&actor, ask("canary sings")).await.unwrap();
    assert_eq!(after.hits, before.hits, "neither text, nor place, nor score");
    let found = shelf.search(&actor, ask("foreign secrets")).await.unwrap();
    assert!(found.hits.is_empty() && found.indexes.len() == 1 && found.left_out.is_empty());

    let named = Ask {
        repository_id: Some(beta.repository_id),
        ..ask("canary")
    };
    let missing = Ask {
        repository_id: Some(orchestrator::id::RepositoryId::new()),
        ..ask("canary")
    };
    let told = |refused: Error, id: orchestrator::id::RepositoryId| {
        refused.to_string().replace(&id.to_string(), "ID")
    };
    let (foreign, nobody) = (named.repository_id.unwrap(), missing.repository_id.unwrap());
    let foreign = told(shelf.search(&actor, named).await.unwrap_err(), foreign);
    assert_eq!(
        foreign,
        told(shelf.search(&actor, missing).await.unwrap_err(), nobody)
    );

    let there: uuid::Uuid =
        sqlx::query_scalar("SELECT document_id FROM knowledge_documents WHERE path = 'foreign-1.md'")
            .fetch_one(shelf.db.pool())
            .await
            .unwrap();
    let trace = TraceParent::begin();
    for named in [
        Named::Id(there.into()),
        Named::Id(orchestrator::id::DocumentId::new()),
        Named::Path(beta.repository_id, "foreign-1.md".into()),
    ] {
        let refused = knowledge::get(&shelf.orchestrator, &actor, &named, None, &trace).await;
        assert!(
            matches!(refused, Err(Error::NotFound { what: "document", .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn text_for_readers_is_found_by_those_who_may_read_it_at_github() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    shelf
        .pass(
            id,
            COMMIT,
            &[document("own.md", Language::English, &["The canary sings."])],
        )
        .await;
    shelf.close_to_readers(id).await;
    let program = shelf
        .search(&service(shelf.alpha.project_id), ask("canary"))
        .await
        .unwrap();
    assert_eq!(
        (program.hits.len(), program.left_out.len()),
        (0, 1),
        "{program:?}"
    );

    let person = &shelf.alpha.maintainer;
    shelf
        .run(
            "INSERT INTO knowledge_readers (person_id, repository_id, may_read, checked_at)
              SELECT person_id, repository_id, true, now() FROM people, repositories",
        )
        .await;
    assert_eq!(shelf.search(person, ask("canary")).await.unwrap().hits.len(), 1);
    let named = Named::Path(id, "own.md".into());
    let trace = TraceParent::begin();
    let lines = Some(Lines { from: 1, to: 1 });
    let read = knowledge::get(&shelf.orchestrator, person, &named, lines, &trace)
        .await
        .unwrap();
    assert_eq!(read.document.text.as_deref(), Some("The canary sings.\n"));

    shelf.run("UPDATE knowledge_readers SET may_read = false").await;
    let found = shelf.search(person, ask("canary")).await.unwrap();
    assert!(found.hits.is_empty() && found.left_out[0].why.contains("cannot read it at GitHub"));
    assert!(
        knowledge::get(&shelf.orchestrator, person, &named, None, &trace)
            .await
            .is_err()
    );

    // What was said sixteen minutes ago counts no more, and here nobody answers anew.
    shelf
        .run("UPDATE knowledge_readers SET may_read = true, checked_at = now() - interval '16 minutes'")
        .await;
    let found = shelf.search(person, ask("canary")).await.unwrap();
    assert!(found.hits.is_empty() && found.left_out[0].why.contains("did not say"));
}

#[tokio::test]
async fn a_repository_that_goes_takes_every_row_with_it() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    let documents: Vec<_> = (0..250)
        .map(|n| {
            document(
                &format!("{n}.md"),
                Language::English,
                &[&format!("Text number {n}.")],
            )
        })
        .collect();
    shelf.pass(id, COMMIT, &documents).await;
    let system = Actor::System("test");
    repository::detach(&shelf.orchestrator, &system, id, None)
        .await
        .unwrap();
    let actor = service(shelf.alpha.project_id);
    assert!(
        shelf.search(&actor, ask("text")).await.unwrap().hits.is_empty(),
        "at once"
    );
    while !knowledge::forget_some(&shelf.orchestrator, id).await.unwrap() {}
    for sql in [
        "SELECT count(*) FROM knowledge_documents",
        "SELECT count(*) FROM knowledge_chunks",
        "SELECT count(*) FROM knowledge_names",
        "SELECT count(*) FROM knowledge_common_words",
        "SELECT count(*) FROM knowledge_pending",
    ] {
        assert_eq!(shelf.count(sql).await, 0, "{sql}");
    }
    let sources = shelf.count("SELECT count(*) FROM knowledge_sources").await;
    assert_eq!(sources, 1, "the other project's");
}
