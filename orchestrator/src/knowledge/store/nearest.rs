//! Candidates of a search: the SQL that is put together as the plan says, and therefore at run time.

use pgvector::HalfVector;
use sqlx::AssertSqlSafe;
use sqlx::Row as _;

use super::super::plan::Scan;
use super::super::service::{Filter, Model};
use crate::error::Result;
use crate::id::{ChunkId, RepositoryId};
use crate::postgres::Tx;

/// Which list a candidate is of.
pub(in super::super) const NEAR: i32 = 1;
pub(in super::super) const SAID: i32 = 2;
pub(in super::super) const NAMED: i32 = 3;

/// What is looked for by words, as PostgreSQL reads it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Words {
    /// Any of these.
    pub any: String,
    /// All of these, in the language of the passage.
    pub all: String,
    /// Names that a passage defines; empty if none is asked for.
    pub names: String,
    /// Passages that have all words come first.
    pub all_first: bool,
}

/// What is looked for by meaning.
pub(in super::super) struct Meaning<'a> {
    pub model: &'a Model,
    pub vector: &'a [f32],
    pub scan: Scan,
}

/// A passage in one list, which are in order.
pub(in super::super) struct Candidate {
    pub list: i32,
    pub chunk_id: ChunkId,
    /// Cosine distance, or rank of the words.
    pub value: f64,
}

/// The best of each list, in the order of the lists. Only what is in these repositories is ranked at all.
pub(in super::super) async fn candidates(
    tx: &mut Tx,
    repositories: &[RepositoryId],
    filter: &Filter,
    meaning: Option<&Meaning<'_>>,
    words: Option<&Words>,
    limit: i64,
) -> Result<Vec<Candidate>> {
    let mut lists = Vec::new();
    if let Some(meaning) = meaning {
        lists.push(near(meaning, filter));
    }
    if let Some(words) = words {
        lists.push(said(words, filter));
        if !words.names.is_empty() {
            lists.push(named(filter));
        }
    }
    let sql = lists.join(" UNION ALL ");
    let ids: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let none = Words::default();
    let words = words.unwrap_or(&none);
    let vector = meaning.map(|meaning| HalfVector::from_f32_slice(meaning.vector));
    let kinds: Option<Vec<_>> = filter
        .kinds
        .as_ref()
        .map(|kinds| kinds.iter().map(|kind| kind.as_str().to_owned()).collect());
    let sql = format!(
        "WITH asked AS
             (SELECT $1::uuid[] AS repositories, $2::bigint AS most, $3::text AS paths, $4::text[] AS kinds,
                     $5::halfvec AS vector, $6::text AS said, $7::text AS every, $8::text AS names)
         SELECT list, chunk_id, value FROM ({sql}) AS lists ORDER BY list, place"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(ids)
        .bind(limit)
        .bind(filter.paths.as_deref())
        .bind(kinds)
        .bind(vector)
        .bind(&words.any)
        .bind(&words.all)
        .bind(&words.names)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Candidate {
                list: row.try_get("list")?,
                chunk_id: row.try_get("chunk_id")?,
                value: row.try_get("value")?,
            })
        })
        .collect()
}

/// `+ 0` hides the index: the exact scan must not become an approximate one.
fn near(meaning: &Meaning<'_>, filter: &Filter) -> String {
    let (model, dims) = (meaning.model.model_id, meaning.model.pinned.dims);
    let distance = format!("(e.embedding::halfvec({dims}) <=> $5::halfvec({dims}))");
    let order = match meaning.scan {
        Scan::Exact => format!("{distance} + 0"),
        Scan::Index { .. } | Scan::Iterative { .. } => distance.clone(),
    };
    let only = only(filter, "e.chunk_id");
    format!(
        "SELECT {NEAR} AS list, chunk_id, distance AS value, row_number() OVER (ORDER BY distance, chunk_id) AS place
         FROM (SELECT e.chunk_id, {distance} AS distance FROM knowledge_embeddings e
               WHERE e.model_id = {model} AND e.repository_id = ANY ($1) {only}
               ORDER BY {order} LIMIT $2) AS nearest"
    )
}

fn said(words: &Words, filter: &Filter) -> String {
    let only = only(filter, "c.chunk_id");
    let first = if words.all_first { "has_all DESC, " } else { "" };
    format!(
        "SELECT {SAID} AS list, chunk_id, rank::float8 AS value,
                row_number() OVER (ORDER BY {first} rank DESC, chunk_id) AS place
         FROM (SELECT c.chunk_id, ts_rank(c.words, $6::tsquery, 1) AS rank, c.words @@ $7::tsquery AS has_all
               FROM unnest($1) AS r (repository_id) CROSS JOIN LATERAL
                   (SELECT chunk_id, words FROM knowledge_chunks c
                    WHERE c.repository_id = r.repository_id AND c.words @@ $6::tsquery OFFSET 0) AS c
               WHERE true {only}
               ORDER BY {first} rank DESC, c.chunk_id LIMIT $2) AS best"
    )
}

/// Weights of D, C, B, A: only what a passage defines counts.
fn named(filter: &Filter) -> String {
    let only = only(filter, "c.chunk_id");
    format!(
        "SELECT {NAMED} AS list, chunk_id, rank::float8 AS value,
                row_number() OVER (ORDER BY rank DESC, chunk_id) AS place
         FROM (SELECT c.chunk_id, ts_rank('{{0, 0, 0, 1}}', c.words, $8::tsquery, 2) AS rank
               FROM unnest($1) AS r (repository_id) CROSS JOIN LATERAL
                   (SELECT chunk_id, words FROM knowledge_chunks c
                    WHERE c.repository_id = r.repository_id AND c.words @@ $8::tsquery OFFSET 0) AS c
               WHERE true {only}
               ORDER BY rank DESC, c.chunk_id LIMIT $2) AS best"
    )
}

fn only(filter: &Filter, chunk_id: &str) -> String {
    if filter.is_none() {
        return String::new();
    }
    format!(
        "AND EXISTS (SELECT FROM knowledge_chunks f JOIN knowledge_documents d USING (document_id)
                     WHERE f.chunk_id = {chunk_id} AND ($3 IS NULL OR d.path ~ $3) AND ($4 IS NULL OR d.kind = ANY ($4)))"
    )
}

/// Settings of this transaction for a scan.
pub(in super::super) async fn prepare(tx: &mut Tx, scan: Scan) -> Result<()> {
    let (ef_search, iterative, most, sort) = match scan {
        Scan::Exact => (40, "off", 20_000, "on"),
        Scan::Index { ef_search } => (ef_search, "relaxed_order", 20_000, "off"),
        Scan::Iterative {
            ef_search,
            max_scan_tuples,
        } => (ef_search, "relaxed_order", max_scan_tuples, "off"),
    };
    // A plan made for another scope would take the wrong index.
    sqlx::query!(
        "SELECT set_config(name, setting, true) FROM
             (VALUES ('hnsw.ef_search', $1), ('hnsw.iterative_scan', $2), ('hnsw.max_scan_tuples', $3), ('enable_sort', $4),
                     ('plan_cache_mode', 'force_custom_plan'), ('jit', 'off')) AS wanted (name, setting)",
        ef_search.to_string(),
        iterative,
        most.to_string(),
        sort,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(())
}
