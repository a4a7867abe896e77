use anyhow::Result;

use super::Git;

/// Files shown of one comparison: GitHub's own bound.
const MAX_FILES: usize = 300;

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDiff {
    pub(crate) path: String,
    pub(crate) previous: Option<String>,
    /// GitHub's word: `added`, `removed`, `modified`, `renamed`, `copied` or `changed`.
    pub(crate) status: &'static str,
    pub(crate) blob: String,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    /// The hunks alone, without the header; absent for binary files.
    pub(crate) patch: Option<String>,
}

impl Git {
    /// Returns what differs between two trees, in git's order.
    pub(crate) async fn diff(&self, repository: u64, from: &str, to: &str) -> Result<Vec<FileDiff>> {
        let common = [
            "diff",
            "-M",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--full-index",
        ];
        let raw = [
            &common[..],
            &["--raw", "--numstat", "-z", "--no-abbrev", from, to, "--"],
        ]
        .concat();
        let raw = self.ask(repository, &raw).await?;
        let patch = self
            .ask(repository, &[&common[..], &["--patch", from, to, "--"]].concat())
            .await?;
        let mut files = parse_raw(&raw);
        // Git prints the patches in the order of the raw lines, one header each.
        for (file, patch) in files.iter_mut().zip(split_patch(&patch)) {
            file.patch = patch
                .find("\n@@ ")
                .map(|at| patch[at + 1..].trim_end_matches('\n').to_owned());
        }
        files.truncate(MAX_FILES);
        Ok(files)
    }
}

/// Parses `--raw --numstat -z`: first all the raw entries, then all the counts.
fn parse_raw(text: &str) -> Vec<FileDiff> {
    let mut files: Vec<FileDiff> = Vec::new();
    let mut counted = 0;
    let mut fields = text.split('\0').filter(|field| !field.is_empty());
    while let Some(field) = fields.next() {
        if let Some(meta) = field.strip_prefix(':') {
            let mut meta = meta.split(' ').skip(3);
            let blob = meta.next().unwrap_or_default().to_owned();
            let letter = meta
                .next()
                .and_then(|status| status.chars().next())
                .unwrap_or('M');
            let first = fields.next().unwrap_or_default().to_owned();
            let moved = matches!(letter, 'R' | 'C');
            let second = if moved {
                fields.next().map(str::to_owned)
            } else {
                None
            };
            let (path, previous) = second.map_or((first.clone(), None), |path| (path, Some(first)));
            files.push(FileDiff {
                path,
                previous,
                status: status(letter),
                blob,
                additions: 0,
                deletions: 0,
                patch: None,
            });
        } else {
            let mut counts = field.split('\t');
            let mut number = || counts.next().and_then(|count| count.parse().ok()).unwrap_or(0);
            let (additions, deletions) = (number(), number());
            if let Some(file) = files.get_mut(counted) {
                (file.additions, file.deletions) = (additions, deletions);
                if file.previous.is_some() {
                    fields.nth(1); // a rename's counts are followed by both names
                }
            }
            counted += 1;
        }
    }
    files
}

fn status(letter: char) -> &'static str {
    match letter {
        'A' => "added",
        'D' => "removed",
        'R' => "renamed",
        'C' => "copied",
        'T' => "changed",
        _ => "modified",
    }
}

fn split_patch(patch: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = patch
        .match_indices("\ndiff --git ")
        .map(|(at, _)| at + 1)
        .collect();
    if patch.starts_with("diff --git ") {
        starts.insert(0, 0);
    }
    let ends = starts.clone().into_iter().skip(1).chain([patch.len()]);
    starts.into_iter().zip(ends).map(|(from, to)| &patch[from..to])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_added_renamed_and_binary_files() {
        let raw = ":000000 100644 0000 aaaa A\0new.txt\0:100644 100644 bbbb cccc R090\0old.rs\0src/new.rs\0\
                   :100644 100644 dddd eeee M\0logo.png\x003\t0\tnew.txt\0\
                   1\t2\t\0old.rs\0src/new.rs\0-\t-\tlogo.png\0";
        let files = parse_raw(raw);
        let shown: Vec<_> = files
            .iter()
            .map(|f| {
                (
                    f.path.as_str(),
                    f.previous.as_deref(),
                    f.status,
                    f.additions,
                    f.deletions,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("new.txt", None, "added", 3, 0),
                ("src/new.rs", Some("old.rs"), "renamed", 1, 2),
                ("logo.png", None, "modified", 0, 0),
            ]
        );
    }
}
