use anyhow::{Result, ensure};

use super::{Git, Identity};

/// A file that a commit writes, or removes when there is no content.
pub(crate) struct FileChange<'a> {
    pub(crate) path: &'a str,
    pub(crate) content: Option<&'a [u8]>,
}

impl Git {
    /// Makes one commit on a branch, on top of `parent` if there is one, and returns its hash.
    pub(crate) async fn commit_files(
        &self,
        repository: u64,
        branch: &str,
        parent: Option<&str>,
        files: &[FileChange<'_>],
        (message, by): (&str, &Identity),
    ) -> Result<String> {
        let mut stream = format!("commit refs/heads/{branch}\nmark :1\n").into_bytes();
        let line = identity_line(by);
        stream.extend(format!("author {line}\ncommitter {line}\n").into_bytes());
        data(&mut stream, message.as_bytes());
        if let Some(parent) = parent {
            stream.extend(format!("from {parent}\n").into_bytes());
        }
        for file in files {
            let path = quote(file.path);
            if let Some(content) = file.content {
                stream.extend(format!("M 100644 inline {path}\n").into_bytes());
                data(&mut stream, content);
            } else {
                stream.extend(format!("D {path}\n").into_bytes());
            }
        }
        stream.extend(b"\ndone\n");
        let args = ["fast-import", "--quiet", "--done", "--date-format=raw"];
        let (code, _, err) = self.attempt(repository, &args, Some(stream)).await?;
        ensure!(code == 0, "git refused the commit: {}", err.trim());
        Ok(self
            .ask(repository, &["rev-parse", &format!("refs/heads/{branch}")])
            .await?
            .trim()
            .to_owned())
    }
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend(format!("data {}\n", bytes.len()).into_bytes());
    stream.extend(bytes);
    stream.push(b'\n');
}

/// Quotes a path as `fast-import` reads it.
fn quote(path: &str) -> String {
    format!(
        "\"{}\"",
        path.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}

/// Returns `Name <email> seconds +0000`; the date of the identity is in whole seconds.
pub(super) fn identity_line(by: &Identity) -> String {
    let clean = |text: &str| text.replace(['<', '>', '\n'], "");
    let seconds = by
        .date
        .parse::<jiff::Timestamp>()
        .map_or(0, jiff::Timestamp::as_second);
    format!("{} <{}> {seconds} +0000", clean(&by.name), clean(&by.email))
}
