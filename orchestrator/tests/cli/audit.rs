//! The audit as an operator keeps and proves it.

use orchestrator::Clock;
use orchestrator::audit;
use orchestrator::credential::MasterKey;

use crate::support::Installation;

#[tokio::test]
async fn kept_heads_prove_that_nothing_was_cut_off() {
    let it = Installation::new().await;
    for before in [&["init"][..], &["project", "add", "shop"]] {
        assert!(it.run(before).success);
    }
    let key = MasterKey::read(&it.master_key()).expect("the key");
    let orchestrator = it.db.orchestrator_with(Clock::default(), key).await;
    let sealed = audit::seal(&orchestrator).await.expect("sealed");
    assert!(sealed.entries > 0);
    let heads = it.run(&["audit", "heads"]);
    assert_eq!(
        heads.stdout.lines().count(),
        sealed.heads.len(),
        "{}",
        heads.stdout
    );
    std::fs::write(it.folder.path().join("heads"), &heads.stdout).expect("kept");
    let well = it.run(&["audit", "verify", "--heads", "heads"]);
    assert!(
        well.success && well.stdout.contains("ok    "),
        "{}{}",
        well.stdout,
        well.stderr
    );

    for cut in [
        "ALTER TABLE audit_entries DISABLE TRIGGER USER",
        "ALTER TABLE audit_seals DISABLE TRIGGER USER",
        "ALTER TABLE audit_signed_heads DISABLE TRIGGER USER",
        "DELETE FROM audit_entries WHERE project_id IS NOT NULL",
        "DELETE FROM audit_seals WHERE chain_id <> '00000000-0000-0000-0000-000000000000'",
        "DELETE FROM audit_signed_heads WHERE chain_id <> '00000000-0000-0000-0000-000000000000'",
        "DELETE FROM audit_heads WHERE chain_id <> '00000000-0000-0000-0000-000000000000'",
    ] {
        sqlx_run(&it, cut).await;
    }
    assert!(
        it.run(&["audit", "verify"]).success,
        "from inside nothing is to be seen"
    );
    let ill = it.run(&["audit", "verify", "--heads", "heads"]);
    assert!(!ill.success && ill.stdout.contains("truncated"), "{}", ill.stdout);
    it.db.done().await;
}

async fn sqlx_run(it: &Installation, statement: &'static str) {
    sqlx::query(statement)
        .execute(it.db.pool())
        .await
        .expect(statement);
}
