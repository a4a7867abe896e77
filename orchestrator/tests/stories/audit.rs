//! The audit's chains: sealed by whoever comes first, and every way to change the past is found.

use futures_util::future::join_all;
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::audit::domain::{FIRST, Hash, seal_hash};
use orchestrator::audit::{self, Chain, FaultKind, Filter, Head, Part, Scope};
use orchestrator::credential::MasterKey;
use orchestrator::id::ProjectId;
use orchestrator::page::PageAsk;
use orchestrator::testing::{TestDb, seed};
use orchestrator::{Actor, Clock, Error, Orchestrator, identity, project};
use sqlx::AssertSqlSafe;

const SYSTEM: Actor = Actor::System("test");

/// A project whose chain has some entries, sealed in two batches.
struct Sealed {
    db: TestDb,
    orchestrator: Orchestrator,
    project_id: ProjectId,
    chain: Chain,
    /// The heads as somebody outside kept them.
    kept: Vec<Head>,
}

impl Sealed {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let orchestrator = db
            .orchestrator_with(Clock::default(), MasterKey::generate())
            .await;
        let project_id = seed(&orchestrator, "alpha", 1, 1).await.unwrap().project_id;
        let mut kept = Vec::new();
        for _ in 0..2 {
            act(&orchestrator, project_id, 2).await;
            kept.extend(audit::seal(&orchestrator).await.unwrap().heads);
        }
        let it = Self {
            db,
            orchestrator,
            project_id,
            chain: Chain(Some(project_id)),
            kept,
        };
        assert_eq!(it.verify(&it.kept).await.faults, []);
        it
    }

    async fn verify(&self, kept: &[Head]) -> Part {
        let part = audit::verify(&self.orchestrator, &SYSTEM, Some(self.project_id), 0, kept).await;
        let part = part.unwrap();
        assert!(part.complete);
        part
    }

    async fn kinds(&self, kept: &[Head]) -> Vec<(FaultKind, Option<i64>)> {
        let part = self.verify(kept).await;
        part.faults.iter().map(|fault| (fault.kind, fault.seq)).collect()
    }

    /// As somebody who owns the database: no trigger stands in the way. `$c` is the chain.
    async fn tamper(&self, statements: &str) {
        let mut tx = self.db.pool().begin().await.unwrap();
        for table in ["audit_entries", "audit_seals", "audit_signed_heads"] {
            let off = format!("ALTER TABLE {table} DISABLE TRIGGER USER");
            sqlx::query(AssertSqlSafe(off)).execute(&mut *tx).await.unwrap();
        }
        let chain = format!("'{}'", self.chain.uuid());
        for statement in statements.replace("$c", &chain).split(';') {
            sqlx::query(AssertSqlSafe(statement.to_owned()))
                .execute(&mut *tx)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        for table in ["audit_entries", "audit_seals", "audit_signed_heads"] {
            let on = format!("ALTER TABLE {table} ENABLE TRIGGER USER");
            sqlx::query(AssertSqlSafe(on)).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Makes the whole chain anew over what the entries are now, as one who knows how.
    async fn recompute(&self) {
        let page = PageAsk::new(Some(100), None).unwrap();
        let scope = Scope::Project(self.project_id);
        let listed = audit::list(&self.orchestrator, &SYSTEM, scope, &Filter::default(), page).await;
        let (mut before, mut seq, mut statements): (Hash, i64, Vec<String>) = (FIRST, 0, Vec::new());
        let rows = listed.unwrap().items;
        for row in rows.iter().map(|listed| &listed.row).rev() {
            seq += 1;
            let entry = row.hash();
            before = seal_hash(self.chain, seq, &before, &entry);
            let (entry, seal) = (hex::encode(entry), hex::encode(before));
            statements.push(format!(
                "UPDATE audit_seals SET entry_hash = '\\x{entry}', seal_hash = '\\x{seal}', audit_id = '{}'
                 WHERE chain_id = $c AND seq = {seq}",
                row.audit_id
            ));
        }
        let last = hex::encode(before);
        statements.push(format!(
            "UPDATE audit_heads SET seal_hash = '\\x{last}' WHERE chain_id = $c AND seq = {seq}"
        ));
        self.tamper(&statements.join(";")).await;
    }
}

/// Does things that are written down.
async fn act(orchestrator: &Orchestrator, project_id: ProjectId, times: usize) {
    for _ in 0..times {
        project::pause(orchestrator, &SYSTEM, project_id).await.unwrap();
        project::resume(orchestrator, &SYSTEM, project_id).await.unwrap();
    }
}

const ENTRY_3: &str = "(SELECT audit_id FROM audit_seals WHERE chain_id = $c AND seq = 3)";

#[tokio::test]
async fn an_edited_entry_is_found() {
    for change in [
        "rule = 'nobody'",
        "at = at + interval '1 second'",
        "object_id = ''",
        "cause = 'x'",
        "decision = 'denied'",
    ] {
        let it = Sealed::new().await;
        let edit = format!("UPDATE audit_entries SET {change} WHERE audit_id = {ENTRY_3}");
        it.tamper(&edit).await;
        assert_eq!(it.kinds(&[]).await, [(FaultKind::Edited, Some(3))], "{change}");
        it.db.done().await;
    }
}

#[tokio::test]
async fn a_deleted_entry_is_found_with_its_seal_or_without() {
    let it = Sealed::new().await;
    it.tamper(&format!("DELETE FROM audit_entries WHERE audit_id = {ENTRY_3}"))
        .await;
    assert_eq!(it.kinds(&[]).await, [(FaultKind::Deleted, Some(3))]);
    it.tamper("DELETE FROM audit_seals WHERE chain_id = $c AND seq = 3")
        .await;
    assert_eq!(it.kinds(&[]).await, [(FaultKind::Deleted, Some(3))]);
    it.db.done().await;
}

#[tokio::test]
async fn entries_that_change_places_are_found() {
    let it = Sealed::new().await;
    it.tamper(
        "UPDATE audit_seals SET seq = 1000003 WHERE chain_id = $c AND seq = 3;
         UPDATE audit_seals SET seq = 3 WHERE chain_id = $c AND seq = 4;
         UPDATE audit_seals SET seq = 4 WHERE chain_id = $c AND seq = 1000003",
    )
    .await;
    let kinds = it.kinds(&[]).await;
    assert_eq!(
        kinds[..2],
        [(FaultKind::Reordered, Some(3)), (FaultKind::Reordered, Some(4))]
    );
    it.db.done().await;

    let it = Sealed::new().await;
    it.tamper(
        "CREATE TEMPORARY TABLE swapped AS SELECT seq, audit_id FROM audit_seals WHERE chain_id = $c AND seq IN (3, 4);
         UPDATE audit_seals SET audit_id = gen_random_uuid() WHERE chain_id = $c AND seq IN (3, 4);
         UPDATE audit_seals s SET audit_id = w.audit_id FROM swapped w WHERE chain_id = $c AND s.seq = 7 - w.seq;
         DROP TABLE swapped",
    )
    .await;
    assert_eq!(
        it.kinds(&[]).await,
        [(FaultKind::Reordered, Some(3)), (FaultKind::Reordered, Some(4))]
    );
    it.db.done().await;
}

#[tokio::test]
async fn a_chain_cut_off_at_its_end_is_found() {
    let it = Sealed::new().await;
    let first = it.kept.iter().find(|head| head.chain() == it.chain).unwrap().seq;
    let cut = format!(
        "DELETE FROM audit_entries WHERE audit_id IN (SELECT audit_id FROM audit_seals WHERE chain_id = $c AND seq > {first});
         DELETE FROM audit_seals WHERE chain_id = $c AND seq > {first}"
    );
    it.tamper(&cut).await;
    let kinds = it.kinds(&[]).await;
    assert!(
        kinds.iter().all(|(kind, _)| *kind == FaultKind::Truncated) && kinds.len() == 2,
        "{kinds:?}"
    );
    let hide = format!(
        "DELETE FROM audit_signed_heads WHERE chain_id = $c AND seq > {first};
         UPDATE audit_heads h SET seq = s.seq, seal_hash = s.seal_hash FROM audit_seals s
         WHERE h.chain_id = $c AND s.chain_id = $c AND s.seq = {first}"
    );
    it.tamper(&hide).await;
    assert_eq!(
        it.kinds(&[]).await,
        [],
        "from inside nothing can be seen any more"
    );
    let last = it.kept.iter().rfind(|head| head.chain() == it.chain).unwrap().seq;
    assert_eq!(it.kinds(&it.kept).await, [(FaultKind::Truncated, Some(last))]);
    it.db.done().await;
}

#[tokio::test]
async fn a_chain_made_anew_is_not_the_one_that_was_signed() {
    let it = Sealed::new().await;
    it.tamper(&format!(
        "UPDATE audit_entries SET rule = 'nobody' WHERE audit_id = {ENTRY_3}"
    ))
    .await;
    it.recompute().await;
    let (first, last) = {
        let mut seqs = it
            .kept
            .iter()
            .filter(|head| head.chain() == it.chain)
            .map(|head| head.seq);
        (seqs.next(), seqs.next())
    };
    assert_eq!(
        it.kinds(&[]).await,
        [(FaultKind::Recomputed, first), (FaultKind::Recomputed, last)],
        "the signed heads are others"
    );
    it.tamper(
        "UPDATE audit_signed_heads h SET seal_hash = s.seal_hash FROM audit_seals s
         WHERE h.chain_id = $c AND s.chain_id = $c AND s.seq = h.seq",
    )
    .await;
    assert_eq!(
        it.kinds(&[]).await,
        [(FaultKind::Forged, first), (FaultKind::Forged, last)],
        "nobody can sign the new ones"
    );
    it.tamper("UPDATE signing_keys SET public_key = '\\x0000' WHERE audience LIKE '%audit%'")
        .await;
    assert_eq!(
        it.kinds(&[]).await.len(),
        2,
        "the keys are not taken from where anybody can write"
    );
    it.tamper("DELETE FROM audit_signed_heads WHERE chain_id = $c")
        .await;
    assert_eq!(
        it.kinds(&[]).await,
        [(FaultKind::Unsigned, last)],
        "nor leave it out"
    );
    let kinds = it.kinds(&it.kept).await;
    assert!(
        kinds.contains(&(FaultKind::Recomputed, last)),
        "the kept heads know: {kinds:?}"
    );
    it.db.done().await;
}

#[tokio::test]
async fn what_did_not_come_by_the_platform_is_found() {
    let it = Sealed::new().await;
    it.tamper(
        "INSERT INTO audit_entries SELECT gen_random_uuid(), at, actor_kind, actor_id, 'token_create', object_kind, object_id,
         project_id, decision, rule, cause, traceparent FROM audit_entries WHERE project_id = $c LIMIT 1",
    )
    .await;
    assert_eq!(it.kinds(&[]).await, [(FaultKind::Inserted, None)]);
    let mut forged = it.kept.clone();
    for head in &mut forged {
        head.signature = "00".repeat(64);
    }
    assert!(
        it.kinds(&forged)
            .await
            .iter()
            .any(|(kind, _)| *kind == FaultKind::Forged)
    );

    act(&it.orchestrator, it.project_id, 1).await;
    it.tamper("DELETE FROM audit_entries WHERE audit_id IN (SELECT audit_id FROM audit_unsealed)")
        .await;
    let platform = audit::verify(&it.orchestrator, &SYSTEM, None, 0, &[])
        .await
        .unwrap();
    let kinds: Vec<_> = platform.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::Deleted; 2], "deleted before they were sealed");
    it.db.done().await;
}

#[tokio::test]
async fn many_workers_make_one_chain() {
    let it = Sealed::new().await;
    let acts = join_all((0..5).map(|_| act(&it.orchestrator, it.project_id, 4)));
    let seals = join_all((0..8).map(|_| async {
        for _ in 0..5 {
            audit::seal(&it.orchestrator).await.unwrap();
        }
    }));
    tokio::join!(acts, seals);
    audit::seal(&it.orchestrator).await.unwrap();
    assert_eq!(audit::seal(&it.orchestrator).await.unwrap().entries, 0);
    let part = it.verify(&it.kept).await;
    assert_eq!((part.faults, part.until > 48), (vec![], true));
    let half = part.until / 2;
    let rest = audit::verify(&it.orchestrator, &SYSTEM, Some(it.project_id), half, &[]).await;
    assert_eq!(rest.unwrap().faults, [], "it may begin anywhere");
    it.db.done().await;
}

#[tokio::test]
async fn an_entry_cannot_be_changed_by_those_who_may_write() {
    let it = Sealed::new().await;
    for statement in [
        "UPDATE audit_seals SET seq = seq + 1",
        "DELETE FROM audit_signed_heads",
        "TRUNCATE audit_seals",
    ] {
        let refused = sqlx::query(statement).execute(it.db.pool()).await.unwrap_err();
        assert!(
            refused.to_string().contains("append-only"),
            "{statement}: {refused}"
        );
    }
    it.db.done().await;
}

#[tokio::test]
async fn who_reads_which_entries() {
    let it = Sealed::new().await;
    let orchestrator = &it.orchestrator;
    let mut tx = orchestrator.begin("test").await.unwrap();
    let admin = identity::ensure_person(&mut tx, 31, "admin", None).await.unwrap();
    let viewer = identity::ensure_person(&mut tx, 32, "viewer", None)
        .await
        .unwrap();
    let role = Some(PlatformRole::Auditor);
    let auditor = identity::ensure_person(&mut tx, 33, "auditor", role)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for (person, role) in [(&admin, Role::Admin), (&viewer, Role::Viewer)] {
        project::set_member(orchestrator, &SYSTEM, it.project_id, person.person_id, Some(role))
            .await
            .unwrap();
    }
    project::pause(orchestrator, &admin.actor(), it.project_id)
        .await
        .unwrap();
    let list = async |actor: Actor, scope, filter: Filter| {
        let page = PageAsk::new(Some(2), None).unwrap();
        audit::list(orchestrator, &actor, scope, &filter, page).await
    };
    let scope = Scope::Project(it.project_id);
    let own = list(admin.actor(), Scope::Own, Filter::default()).await.unwrap();
    assert_eq!(own.items.len(), 1);
    assert_eq!(
        (
            own.items[0].row.operation.as_str(),
            own.items[0].row.rule.as_str()
        ),
        ("project_pause", "admin: yes")
    );
    let all = list(admin.actor(), scope, Filter::default()).await.unwrap();
    assert!(all.items.len() == 2 && all.next_cursor.is_some());
    let paused = Filter {
        operation: Some("project_pause".into()),
        actor_id: Some(admin.person_id.to_string()),
        ..Filter::default()
    };
    assert_eq!(
        list(auditor.actor(), scope, paused.clone())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    assert_eq!(
        list(auditor.actor(), Scope::All, paused)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    let denied = list(viewer.actor(), scope, Filter::default()).await;
    assert!(matches!(denied, Err(Error::Forbidden(_))), "{denied:?}");
    let hidden = list(admin.actor(), Scope::All, Filter::default()).await;
    assert!(matches!(hidden, Err(Error::NotFound { .. })), "{hidden:?}");
    it.db.done().await;
}
