use super::{Act, Condition, Rule, Source, StoredRule};
use crate::error::{Error, Result};
use crate::id::{ProjectId, TriggerRuleId};
use crate::postgres::{Tx, erase, json, unknown_word};

/// Steps between positions leave room for rules in between.
const STEP: i32 = 10;

pub(super) async fn insert(tx: &mut Tx, project_id: ProjectId, rules: &[Rule]) -> Result<()> {
    for (rule, position) in rules.iter().zip((STEP..).step_by(10)) {
        sqlx::query!(
            "INSERT INTO trigger_rules (trigger_rule_id, project_id, position, source, event, actions, condition, act,
                                        shipped)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true)
             ON CONFLICT ON CONSTRAINT trigger_rules_position_key DO NOTHING",
            TriggerRuleId::new() as _,
            project_id as _,
            position,
            rule.source.as_str(),
            rule.event,
            &rule.actions,
            json(&rule.condition)?,
            json(&rule.act)?,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

pub(super) async fn enabled(tx: &mut Tx, project_id: ProjectId, source: Source) -> Result<Vec<Rule>> {
    let rows = sqlx::query!(
        "SELECT event, actions, condition, act FROM trigger_rules
         WHERE project_id = $1 AND source = $2 AND enabled ORDER BY position",
        project_id as _,
        source.as_str(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Rule {
                source,
                event: row.event,
                actions: row.actions,
                condition: serde_json::from_value::<Condition>(row.condition).map_err(Error::internal)?,
                act: serde_json::from_value::<Act>(row.act).map_err(Error::internal)?,
            })
        })
        .collect()
}

struct Row {
    trigger_rule_id: TriggerRuleId,
    position: i32,
    source: String,
    event: String,
    actions: Vec<String>,
    condition: serde_json::Value,
    act: serde_json::Value,
    enabled: bool,
    version: i64,
    shipped: bool,
}

impl TryFrom<Row> for StoredRule {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            trigger_rule_id: row.trigger_rule_id,
            position: row.position,
            enabled: row.enabled,
            version: row.version,
            shipped: row.shipped,
            rule: Rule {
                source: Source::parse(&row.source)
                    .ok_or_else(|| unknown_word("trigger_rules.source", &row.source))?,
                event: row.event,
                actions: row.actions,
                condition: serde_json::from_value(row.condition).map_err(Error::internal)?,
                act: serde_json::from_value(row.act).map_err(Error::internal)?,
            },
        })
    }
}

/// All rules of a project, switched on or not, in the order of asking.
pub(super) async fn all(tx: &mut Tx, project_id: ProjectId) -> Result<Vec<StoredRule>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT trigger_rule_id, position, source, event, actions, condition, act, enabled, version, shipped
         FROM trigger_rules WHERE project_id = $1 ORDER BY position",
        project_id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// One writer of a project's rules at a time.
pub(super) async fn lock(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    let key = format!("trigger_rules:{project_id}");
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, trigger_rule_id: TriggerRuleId) -> Result<()> {
    sqlx::query!(
        "DELETE FROM trigger_rules WHERE trigger_rule_id = $1",
        trigger_rule_id as _
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps a rule, in the place of the one of its id.
pub(super) async fn save(tx: &mut Tx, project_id: ProjectId, rule: &StoredRule) -> Result<()> {
    sqlx::query!(
        "INSERT INTO trigger_rules (trigger_rule_id, project_id, position, source, event, actions, condition, act, enabled,
                                    version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (trigger_rule_id) DO UPDATE
             SET position = $3, source = $4, event = $5, actions = $6, condition = $7, act = $8, enabled = $9,
                 version = $10",
        rule.trigger_rule_id as _,
        project_id as _,
        rule.position,
        rule.rule.source.as_str(),
        rule.rule.event,
        &rule.rule.actions,
        json(&rule.rule.condition)?,
        json(&rule.rule.act)?,
        rule.enabled,
        rule.version,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a batch of a deleted project's rules; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM trigger_rules WHERE trigger_rule_id IN (
             SELECT trigger_rule_id FROM trigger_rules WHERE project_id = $1 LIMIT $2)",
    ))
}
