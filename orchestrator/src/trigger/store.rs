use super::{Act, Condition, Rule, Source};
use crate::error::{Error, Result};
use crate::id::{ProjectId, TriggerRuleId};
use crate::postgres::{Tx, json};

/// Steps between positions leave room for rules in between.
const STEP: i32 = 10;

pub(super) async fn insert(tx: &mut Tx, project_id: ProjectId, rules: &[Rule]) -> Result<()> {
    for (rule, position) in rules.iter().zip((STEP..).step_by(10)) {
        sqlx::query!(
            "INSERT INTO trigger_rules (trigger_rule_id, project_id, position, source, event, actions, condition, act)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
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
