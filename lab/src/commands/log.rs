//! The lab's log: all of it in a file, what is wrong on the terminal too.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Lines shown of what was there before.
const TAIL: usize = 200;
const PAUSE: Duration = Duration::from_millis(300);

pub(super) fn file(dir: &Path) -> PathBuf {
    dir.join("lab.log")
}

/// Begins a new log. `RUST_LOG` says what goes into the file.
pub(super) fn init(dir: &Path) -> anyhow::Result<()> {
    let mut private = std::fs::DirBuilder::new();
    private.recursive(true).mode(0o700);
    private
        .create(dir)
        .with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let file = file(dir);
    // Children of the lab write here too, so each writes at the end.
    let log = File::create(&file).and_then(|_begun_anew| File::options().append(true).open(&file));
    let log = log.with_context(|| format!("cannot write {}", file.display()))?;
    let wanted = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let quiet = wanted.add_directive("rmcp=warn".parse()?);
    let kept = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(Mutex::new(log))
        .with_filter(quiet);
    let shown = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(LevelFilter::WARN);
    tracing_subscriber::registry().with(kept).with(shown).init();
    Ok(())
}

/// Prints the end of the log, and what is added while `running` says so.
pub(super) fn follow(dir: &Path, running: impl Fn() -> bool) -> anyhow::Result<()> {
    let file = file(dir);
    let log = File::open(&file)
        .with_context(|| format!("there is no log at {}; `make up` writes it", file.display()))?;
    let mut reader = BufReader::new(log);
    let mut tail = std::collections::VecDeque::new();
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        tail.push_back(std::mem::take(&mut line));
        if tail.len() > TAIL {
            tail.pop_front();
        }
    }
    for line in tail {
        print!("{line}");
    }
    while running() {
        if reader.read_line(&mut line)? == 0 {
            std::thread::sleep(PAUSE);
        } else {
            print!("{}", std::mem::take(&mut line));
        }
    }
    Ok(())
}
