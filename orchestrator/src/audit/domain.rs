//! The chain: what a seal is made of, and what is wrong with one. Pure.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::actor::words;
use crate::id::{AuditId, ProjectId};

pub type Hash = [u8; 32];

/// What a chain begins with.
pub const FIRST: Hash = [0; 32];

/// Apart from everything else that is hashed or signed; the number changes with the form.
const ENTRY_FORM: &[u8] = b"codex-k8s audit entry 1";
const SEAL_FORM: &[u8] = b"codex-k8s audit seal 1";
const HEAD_FORM: &[u8] = b"codex-k8s audit head 1";

/// Whose entries are in one row: a project's, or the platform's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chain(pub Option<ProjectId>);

impl Chain {
    /// As the tables have it: the platform's chain is the nil UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0.map_or(Uuid::nil(), ProjectId::uuid)
    }

    #[must_use]
    pub fn from_uuid(id: Uuid) -> Self {
        Self((!id.is_nil()).then(|| id.into()))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(project_id) => project_id.fmt(f),
            None => f.write_str("platform"),
        }
    }
}

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub audit_id: AuditId,
    pub at: Timestamp,
    pub actor_kind: String,
    pub actor_id: String,
    pub operation: String,
    pub object_kind: String,
    pub object_id: String,
    pub project_id: Option<ProjectId>,
    /// `allowed` or `denied`.
    pub decision: String,
    pub rule: String,
    pub cause: Option<String>,
    pub traceparent: Option<String>,
}

impl Row {
    #[must_use]
    pub fn chain(&self) -> Chain {
        Chain(self.project_id)
    }

    /// SHA-256 over all fields, each with its length, so that no two entries look alike.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(ENTRY_FORM);
        hasher.update(self.audit_id.uuid().as_bytes());
        hasher.update(self.at.as_microsecond().to_be_bytes());
        hasher.update(self.chain().uuid().as_bytes());
        let texts = [
            &self.actor_kind,
            &self.actor_id,
            &self.operation,
            &self.object_kind,
            &self.object_id,
            &self.decision,
            &self.rule,
        ];
        for text in texts {
            text_into(&mut hasher, text);
        }
        for text in [&self.cause, &self.traceparent] {
            hasher.update([u8::from(text.is_some())]);
            text_into(&mut hasher, text.as_deref().unwrap_or_default());
        }
        hasher.finalize().into()
    }
}

fn text_into(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_be_bytes());
    hasher.update(text);
}

/// What binds an entry to its place: the seal before, the chain, the number, the entry.
#[must_use]
pub fn seal_hash(chain: Chain, seq: i64, before: &Hash, entry: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(SEAL_FORM);
    hasher.update(chain.uuid().as_bytes());
    hasher.update(seq.to_be_bytes());
    hasher.update(before);
    hasher.update(entry);
    hasher.finalize().into()
}

/// The bytes that are signed for a head.
#[must_use]
pub fn head_statement(chain: Chain, seq: i64, seal: &Hash) -> Vec<u8> {
    [HEAD_FORM, chain.uuid().as_bytes(), &seq.to_be_bytes(), seal].concat()
}

/// A seal as the tables have it.
#[derive(Clone, Debug)]
pub struct Seal {
    pub seq: i64,
    pub audit_id: AuditId,
    pub entry_hash: Hash,
    pub seal_hash: Hash,
}

/// The signed end of a chain, as it leaves the platform: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// The project; absent for the platform's own chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    pub seq: i64,
    /// Of the seal, hexadecimal.
    pub hash: String,
    pub kid: String,
    /// Ed25519, hexadecimal.
    pub signature: String,
    /// The public half of the key, hexadecimal.
    pub public_key: String,
    pub signed_at: Timestamp,
}

impl Head {
    #[must_use]
    pub fn chain(&self) -> Chain {
        Chain(self.project_id)
    }
}

/// What somebody did to the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// An entry is not what was sealed.
    Edited,
    /// An entry, or its seal, is gone.
    Deleted,
    /// Entries or seals changed places.
    Reordered,
    /// The chain ends before a head that was there.
    Truncated,
    /// The chain holds together, and is not the one that was signed.
    Recomputed,
    /// The end of the chain carries no signature.
    Unsigned,
    /// A head's signature is not the platform's.
    Forged,
    /// An entry that nobody will seal: it did not come by the platform.
    Inserted,
}

words!(FaultKind: Edited = "edited", Deleted = "deleted", Reordered = "reordered", Truncated = "truncated",
    Recomputed = "recomputed", Unsigned = "unsigned", Forged = "forged", Inserted = "inserted");

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The place in the chain; none for what has none.
    pub seq: Option<i64>,
    /// Which entry, where that is known.
    pub audit_id: Option<AuditId>,
    pub what: String,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, seq: impl Into<Option<i64>>, what: impl Into<String>) -> Self {
        Self {
            kind,
            seq: seq.into(),
            audit_id: None,
            what: what.into(),
        }
    }

    pub(super) fn of(self, audit_id: AuditId) -> Self {
        Self {
            audit_id: Some(audit_id),
            ..self
        }
    }
}

/// Goes along a chain, seal by seal; holds nothing but where it is.
#[derive(Debug)]
pub struct Walk {
    chain: Chain,
    /// The seal before, if it is known.
    before: Option<Hash>,
    next: i64,
}

impl Walk {
    /// Begins after seal `after`, whose hash is `before`.
    #[must_use]
    pub fn after(chain: Chain, after: i64, before: Option<Hash>) -> Self {
        Self {
            chain,
            before,
            next: after + 1,
        }
    }

    /// The last seal that was seen.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.next - 1
    }

    /// The hash of the last seal that was seen.
    #[must_use]
    pub fn hash(&self) -> Option<Hash> {
        self.before
    }

    /// Takes the next seal and its entry, if that is still there.
    pub fn step(&mut self, seal: &Seal, entry: Option<&Row>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if seal.seq != self.next {
            let what = format!("the seals {} to {} are gone", self.next, seal.seq - 1);
            faults.push(Fault::new(FaultKind::Deleted, self.next, what));
            self.before = None;
        }
        let found = match entry {
            None => Some((FaultKind::Deleted, "the entry that was sealed here is gone")),
            Some(entry) if entry.hash() != seal.entry_hash || entry.chain() != self.chain => {
                Some((FaultKind::Edited, "the entry is not what was sealed"))
            }
            Some(_) if self.is_off(seal) => Some((
                FaultKind::Reordered,
                "the seal does not follow from the one before it",
            )),
            Some(_) => None,
        };
        if let Some((kind, what)) = found {
            faults.push(Fault::new(kind, seal.seq, what).of(seal.audit_id));
        }
        self.before = Some(seal.seal_hash);
        self.next = seal.seq + 1;
        faults
    }

    fn is_off(&self, seal: &Seal) -> bool {
        self.before.is_some_and(|before| {
            seal_hash(self.chain, seal.seq, &before, &seal.entry_hash) != seal.seal_hash
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(operation: &str, cause: Option<&str>) -> Row {
        Row {
            audit_id: Uuid::from_u128(7).into(),
            at: Timestamp::UNIX_EPOCH,
            actor_kind: "person".into(),
            actor_id: "p".into(),
            operation: operation.into(),
            object_kind: "run".into(),
            object_id: "r".into(),
            project_id: None,
            decision: "allowed".into(),
            rule: "admin: yes".into(),
            cause: cause.map(str::to_owned),
            traceparent: None,
        }
    }

    #[test]
    fn the_form_of_a_hash_never_changes() {
        let entry = row("run_cancel", None).hash();
        let seal = seal_hash(Chain(None), 1, &FIRST, &entry);
        insta::assert_snapshot!(format!("{}\n{}", hex::encode(entry), hex::encode(seal)));
    }

    #[test]
    fn every_field_counts_and_none_runs_into_the_next() {
        let one = row("run_cancel", None);
        assert_ne!(one.hash(), row("run_cancel", Some("")).hash());
        let mut shifted = one.clone();
        shifted.actor_id = String::new();
        shifted.operation = "prun_cancel".into();
        assert_ne!(one.hash(), shifted.hash());
        let mut moved = one.clone();
        moved.project_id = Some(Uuid::from_u128(1).into());
        assert_ne!(one.hash(), moved.hash());
    }
}
