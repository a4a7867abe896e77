//! The roles under which the programs use the database, and what each may do there.
//!
//! They are groups: nobody signs in as one. A program's own login is a member of its group. Roles belong to the whole server,
//! grants to one database, so installations that share a server have prefixes of their own.

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use super::admin::quote;
use crate::error::{Error, Result};

/// The rights, with names in braces for roles and schema.
pub(super) const GRANTS: &str = include_str!("grants.sql");
/// What roles are called by, unless an installation says otherwise.
pub const DEFAULT_PREFIX: &str = "codex";
const MAX_PREFIX_BYTES: usize = 40;
/// As `server_version_num`: `MAINTAIN` is a right from PostgreSQL 17 on.
const FIRST_WITH_MAINTAIN: i32 = 170_000;

/// A program that uses the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Gateway,
    McpServer,
    Worker,
}

crate::actor::words!(Program: Gateway = "gateway", McpServer = "mcp_server", Worker = "worker");

/// The roles of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    prefix: String,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            prefix: DEFAULT_PREFIX.to_owned(),
        }
    }
}

impl Roles {
    /// # Errors
    ///
    /// `Invalid` for a prefix that makes no plain name of a role.
    pub fn new(prefix: &str) -> Result<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let begins = prefix.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if !begins
            || prefix.len() > MAX_PREFIX_BYTES
            || !prefix.bytes().all(plain)
            || prefix.starts_with("pg_")
        {
            return Err(Error::Invalid(format!(
                "a prefix of roles has 1 to {MAX_PREFIX_BYTES} lower-case letters, digits and underscores, beginning with a \
                 letter and not with pg_"
            )));
        }
        Ok(Self {
            prefix: prefix.to_owned(),
        })
    }

    pub fn name(&self, program: Program) -> String {
        format!("{}_{program}", self.prefix)
    }

    /// The URL with which a login that may become any role connects as this program.
    pub fn url(&self, database_url: &str, program: Program) -> String {
        let separator = if database_url.contains('?') { '&' } else { '?' };
        format!("{database_url}{separator}options[role]={}", self.name(program))
    }

    fn grants(&self, schema: &str) -> String {
        let mut text = GRANTS.replace("{schema}", &quote(schema));
        for program in Program::ALL {
            text = text.replace(&format!("{{{program}}}"), &quote(&self.name(*program)));
        }
        text
    }
}

/// Makes the roles exist and their rights be those of this version. Asking twice changes nothing.
///
/// # Errors
///
/// `Precondition` if the login may not make roles, with the statements that somebody who may has to run.
pub async fn grant(url: &str, roles: &Roles) -> Result<()> {
    let pool = super::pool(url, 1, "0").await?;
    let done = apply(&pool, roles).await;
    pool.close().await;
    done
}

async fn apply(pool: &PgPool, roles: &Roles) -> Result<()> {
    let mut db = pool.acquire().await?;
    ensure(&mut db, roles).await?;
    let schema: String = sqlx::query_scalar("SELECT current_schema()")
        .fetch_one(&mut *db)
        .await?;
    let names: Vec<_> = Program::ALL.iter().map(|it| quote(&roles.name(*it))).collect();
    let (names, quoted) = (names.join(", "), quote(&schema));
    let script = format!(
        "BEGIN;
         SELECT pg_advisory_xact_lock(hashtextextended('codex-k8s grants', 0));
         REVOKE ALL ON SCHEMA {quoted} FROM {names};
         REVOKE ALL ON ALL TABLES IN SCHEMA {quoted} FROM {names};
         REVOKE ALL ON ALL SEQUENCES IN SCHEMA {quoted} FROM {names};
         {}
         {}
         COMMIT",
        roles.grants(&schema),
        maintain(&mut db, roles).await?
    );
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *db).await?;
    Ok(())
}

/// The queue rebuilds its indexes every night, which a server before 17 lets only their owner do; there it is left undone.
async fn maintain(db: &mut PgConnection, roles: &Roles) -> Result<String> {
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(db)
        .await?;
    let worker = quote(&roles.name(Program::Worker));
    Ok(if version >= FIRST_WITH_MAINTAIN {
        format!("GRANT MAINTAIN ON river_job TO {worker};")
    } else {
        String::new()
    })
}

async fn ensure(db: &mut PgConnection, roles: &Roles) -> Result<()> {
    let mut missing = Vec::new();
    for program in Program::ALL {
        let name = roles.name(*program);
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(&name)
            .fetch_one(&mut *db)
            .await?;
        if there {
            continue;
        }
        let statement = format!("CREATE ROLE {} NOLOGIN", quote(&name));
        match sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .execute(&mut *db)
            .await
        {
            Ok(_) => {}
            // Somebody made it at the same time.
            Err(error) if has_code(&error, &["42710", "23505"]) => {}
            Err(error) if has_code(&error, &["42501"]) => missing.push(statement),
            Err(error) => return Err(error.into()),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Precondition(format!(
        "this login may not make the roles of the programs; let an administrator of the server run: {}; then migrate again. \
         An installation that shares the server with another has a prefix of its own",
        missing.join("; ")
    )))
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_makes_names_that_need_no_quotes() {
        let roles = Roles::new("shop_1").unwrap();
        assert_eq!(roles.name(Program::McpServer), "shop_1_mcp_server");
        for wrong in ["", "1shop", "Shop", "sh-op", "pg_shop", "a\"b", &"a".repeat(41)] {
            assert!(Roles::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_url_says_which_role() {
        let roles = Roles::default();
        let url = roles.url("postgres://u@h/d?host=/tmp", Program::Gateway);
        assert_eq!(url, "postgres://u@h/d?host=/tmp&options[role]=codex_gateway");
        let url = roles.url("postgres://u@h/d", Program::Worker);
        assert_eq!(url, "postgres://u@h/d?options[role]=codex_worker");
    }

    #[test]
    fn every_name_in_the_grants_is_filled_in() {
        assert!(!Roles::default().grants("public").contains('{'));
    }
}
