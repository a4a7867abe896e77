use super::Person;
use crate::actor::PlatformRole;
use crate::error::{Error, Result};
use crate::id::PersonId;
use crate::postgres::{Moment, Tx, unknown_word};

/// A person as its row has it.
pub(crate) struct PersonRow {
    pub(super) person_id: PersonId,
    pub(super) github_user_id: i64,
    pub(super) login: String,
    pub(super) platform_role: Option<String>,
    pub(super) disabled_at: Option<Moment>,
    pub(super) created_at: Moment,
}

impl TryFrom<PersonRow> for Person {
    type Error = Error;

    fn try_from(row: PersonRow) -> Result<Self> {
        let role = |word: String| {
            PlatformRole::parse(&word).ok_or_else(|| unknown_word("people.platform_role", &word))
        };
        Ok(Self {
            person_id: row.person_id,
            github_user_id: row.github_user_id,
            login: row.login,
            platform_role: row.platform_role.map(role).transpose()?,
            disabled_at: row.disabled_at.map(Moment::to_jiff),
            created_at: row.created_at.to_jiff(),
        })
    }
}

pub(super) async fn find(tx: &mut Tx, person_id: PersonId) -> Result<Option<Person>> {
    sqlx::query_as!(
        PersonRow,
        "SELECT person_id, github_user_id, login, platform_role, disabled_at, created_at
         FROM people WHERE person_id = $1",
        person_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Person::try_from)
    .transpose()
}

pub(super) async fn find_by_github_user_id(tx: &mut Tx, github_user_id: i64) -> Result<Option<Person>> {
    sqlx::query_as!(
        PersonRow,
        "SELECT person_id, github_user_id, login, platform_role, disabled_at, created_at
         FROM people WHERE github_user_id = $1",
        github_user_id,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Person::try_from)
    .transpose()
}

pub(super) async fn upsert(
    tx: &mut Tx,
    github_user_id: i64,
    login: &str,
    platform_role: Option<PlatformRole>,
) -> Result<Person> {
    let now = tx.moment();
    sqlx::query_as!(
        PersonRow,
        "INSERT INTO people (person_id, github_user_id, login, platform_role, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ON CONSTRAINT people_github_user_id_key DO UPDATE SET login = $3, platform_role = $4,
             role_by_rule = false
         RETURNING person_id, github_user_id, login, platform_role, disabled_at, created_at",
        PersonId::new() as _,
        github_user_id,
        login,
        platform_role.map(PlatformRole::as_str),
        now,
    )
    .fetch_one(&mut **tx)
    .await?
    .try_into()
}

/// Makes the person known under this login; who is known keeps the role.
pub(super) async fn know(tx: &mut Tx, github_user_id: i64, login: &str) -> Result<Person> {
    let now = tx.moment();
    sqlx::query_as!(
        PersonRow,
        "INSERT INTO people (person_id, github_user_id, login, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT people_github_user_id_key DO UPDATE SET login = $3
         RETURNING person_id, github_user_id, login, platform_role, disabled_at, created_at",
        PersonId::new() as _,
        github_user_id,
        login,
        now,
    )
    .fetch_one(&mut **tx)
    .await?
    .try_into()
}

/// Whether the person is disabled, and stays so or not until the transaction ends.
pub(super) async fn is_disabled_for_share(tx: &mut Tx, person_id: PersonId) -> Result<bool> {
    let disabled = sqlx::query_scalar!(
        r#"SELECT disabled_at IS NOT NULL AS "disabled!" FROM people WHERE person_id = $1 FOR SHARE"#,
        person_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(disabled.unwrap_or(true))
}

pub(super) async fn disable(tx: &mut Tx, person_id: PersonId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE people SET disabled_at = coalesce(disabled_at, $2) WHERE person_id = $1",
        person_id as _,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
