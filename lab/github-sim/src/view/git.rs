use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::repository::path_segment;
use super::{View, node_id};
use crate::git::{CommitInfo, Entry, FileDiff, Identity};
use crate::world::Repository;

/// Returns a commit as the repository part of the API shows it.
pub(crate) fn commit(view: View<'_>, repository: &Repository, commit: &CommitInfo) -> Value {
    let (api, page) = (view.repository_url(repository), view.repository_page(repository));
    let parents: Vec<_> = commit
        .parents
        .iter()
        .map(|sha| {
            json!({"sha": sha, "url": format!("{api}/commits/{sha}"), "html_url": format!("{page}/commit/{sha}")})
        })
        .collect();
    json!({
        "sha": commit.sha,
        "node_id": node_id("Commit", &commit.sha),
        "url": format!("{api}/commits/{}", commit.sha),
        "html_url": format!("{page}/commit/{}", commit.sha),
        "comments_url": format!("{api}/commits/{}/comments", commit.sha),
        "commit": {
            "url": format!("{api}/git/commits/{}", commit.sha),
            "author": identity(&commit.author),
            "committer": identity(&commit.committer),
            "message": commit.message,
            "comment_count": 0,
            "tree": {"sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree)},
            "verification": {
                "verified": false, "reason": "unsigned", "payload": null, "signature": null, "verified_at": null,
            },
        },
        "author": account(view, &commit.author),
        "committer": account(view, &commit.committer),
        "parents": parents,
    })
}

fn identity(who: &Identity) -> Value {
    // GitHub shows the moment in UTC, whatever the author's offset was.
    let date = who
        .date
        .parse::<jiff::Timestamp>()
        .map_or_else(|_| who.date.clone(), |at| at.to_string());
    json!({"name": who.name, "email": who.email, "date": date})
}

/// Returns the account with the commit's e-mail address, or null: a commit proves no identity.
fn account(view: View<'_>, who: &Identity) -> Value {
    let found = view
        .world
        .accounts
        .values()
        .find(|account| account.git_email() == who.email);
    found.map_or(Value::Null, |found| view.account(found))
}

/// Returns one file of a comparison.
pub(crate) fn diff_entry(view: View<'_>, repository: &Repository, sha: &str, file: &FileDiff) -> Value {
    let (api, page) = (view.repository_url(repository), view.repository_page(repository));
    let path: Vec<_> = file.path.split('/').map(path_segment).collect();
    let path = path.join("/");
    let mut out = json!({
        "sha": file.blob,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": format!("{page}/blob/{sha}/{path}"),
        "raw_url": format!("{page}/raw/{sha}/{path}"),
        "contents_url": format!("{api}/contents/{path}?ref={sha}"),
    });
    if let Some(patch) = &file.patch {
        out["patch"] = json!(patch);
    }
    if let Some(previous) = &file.previous {
        out["previous_filename"] = json!(previous);
    }
    out
}

/// Returns a comparison of two commits, given what git found.
pub(crate) fn comparison(
    view: View<'_>,
    repository: &Repository,
    basehead: &str,
    (base, merge_base): (&CommitInfo, &CommitInfo),
    (ahead, behind): (&[CommitInfo], u64),
    files: &[FileDiff],
) -> Value {
    let (api, page) = (view.repository_url(repository), view.repository_page(repository));
    let head = ahead
        .last()
        .map_or(base.sha.as_str(), |commit| commit.sha.as_str());
    let status = match (ahead.is_empty(), behind) {
        (true, 0) => "identical",
        (true, _) => "behind",
        (false, 0) => "ahead",
        (false, _) => "diverged",
    };
    json!({
        "url": format!("{api}/compare/{basehead}"),
        "html_url": format!("{page}/compare/{basehead}"),
        "permalink_url": format!("{page}/compare/{basehead}"),
        "diff_url": format!("{page}/compare/{basehead}.diff"),
        "patch_url": format!("{page}/compare/{basehead}.patch"),
        "base_commit": commit(view, repository, base),
        "merge_base_commit": commit(view, repository, merge_base),
        "status": status,
        "ahead_by": ahead.len(),
        "behind_by": behind,
        "total_commits": ahead.len(),
        "commits": ahead.iter().map(|one| commit(view, repository, one)).collect::<Vec<_>>(),
        "files": files.iter().map(|file| diff_entry(view, repository, head, file)).collect::<Vec<_>>(),
    })
}

/// Returns a ref as the git part of the API shows it.
pub(crate) fn reference(view: View<'_>, repository: &Repository, name: &str, sha: &str) -> Value {
    let api = view.repository_url(repository);
    json!({
        "ref": name,
        "node_id": node_id("Ref", format!("{}:{name}", repository.id)),
        "url": format!("{api}/git/{name}"),
        "object": {"sha": sha, "type": "commit", "url": format!("{api}/git/commits/{sha}")},
    })
}

pub(crate) fn content_file(
    view: View<'_>,
    repository: &Repository,
    at: &str,
    entry: &Entry,
    bytes: &[u8],
) -> Value {
    let mut out = content_entry(view, repository, at, entry);
    // GitHub wraps the base64 text at 60 characters, with a line break at the end.
    let text = STANDARD.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(60).map(String::from_utf8_lossy).collect();
    out["content"] = json!(lines.join("\n") + "\n");
    out["encoding"] = json!("base64");
    out
}

pub(crate) fn content_directory(
    view: View<'_>,
    repository: &Repository,
    at: &str,
    entries: &[Entry],
) -> Value {
    entries
        .iter()
        .map(|entry| content_entry(view, repository, at, entry))
        .collect()
}

fn content_entry(view: View<'_>, repository: &Repository, at: &str, entry: &Entry) -> Value {
    let (api, page) = (view.repository_url(repository), view.repository_page(repository));
    let path = entry
        .path
        .split('/')
        .map(path_segment)
        .collect::<Vec<_>>()
        .join("/");
    let (kind, objects) = match entry.kind.as_str() {
        "tree" => ("dir", "trees"),
        "commit" => ("submodule", "trees"),
        _ => ("file", "blobs"),
    };
    let url = format!("{api}/contents/{path}?ref={at}");
    let git_url = format!("{api}/git/{objects}/{}", entry.sha);
    let html_url = format!("{page}/blob/{at}/{path}");
    json!({
        "type": kind,
        "name": entry.path.rsplit('/').next(),
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": (kind == "file").then(|| format!("{page}/raw/{at}/{path}")),
        "_links": {"self": url, "git": git_url, "html": html_url},
    })
}
