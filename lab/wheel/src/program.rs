//! Runs a program to its end, with a deadline and bounded output.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

const TICK: Duration = Duration::from_millis(5);

/// How much of a program's output is read back: the last bytes, because errors come last.
const TAIL_BYTES: u64 = 16 * 1024;

/// How a program ended, and the end of what it said.
pub struct Finished {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Waits for `command` to end; after `deadline` it and its children are killed and the error is `TimedOut`.
pub fn run(command: &mut Command, deadline: Duration) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .process_group(0)
        .spawn()?;
    let Some(status) = wait(&mut child, deadline)? else {
        // The group, not the child alone: pip and initdb have children of their own.
        let _already_gone = killpg(pid(&child), Signal::SIGKILL);
        child.wait()?;
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no end after {} s", deadline.as_secs()),
        ));
    };
    Ok(Finished {
        success: status.success(),
        stdout: tail(&mut stdout)?,
        stderr: tail(&mut stderr)?,
    })
}

/// Waits for a child, at most until the deadline.
pub fn wait(child: &mut Child, deadline: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + deadline;
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= end {
            return Ok(status);
        }
        thread::sleep(TICK);
    }
}

/// Returns the id of a child that was not waited for yet, so that no other process can bear it.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Returns the end of a file as text.
pub fn tail(file: &mut File) -> io::Result<String> {
    let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Returns the last lines of a text on one line, short enough for an error.
pub fn last_words(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let words = lines[lines.len().saturating_sub(4)..].join(" / ");
    if words.is_empty() {
        "it said nothing".to_owned()
    } else {
        words.chars().take(800).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_killed_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("mark");
        let script = format!("(sleep 1; touch {}) & sleep 60", mark.display());
        let started = Instant::now();
        let ended = run(
            Command::new("/bin/sh").args(["-c", &script]),
            Duration::from_millis(200),
        );
        assert_eq!(
            ended.err().map(|error| error.kind()),
            Some(io::ErrorKind::TimedOut)
        );
        assert!(started.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(1200));
        assert!(!mark.exists(), "the grandchild outlived the deadline");
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let script = "yes line | head -n 100000; echo last; echo oops >&2; exit 3";
        let ended = run(
            Command::new("/bin/sh").args(["-c", script]),
            Duration::from_secs(30),
        )
        .expect("it runs");
        assert!(!ended.success);
        assert!(ended.stdout.ends_with("line\nlast"), "the end is missing");
        assert!(ended.stdout.len() as u64 <= TAIL_BYTES);
        assert_eq!(ended.stderr, "oops");
    }
}
