//! Fault points: named places where a test kills the program, one per commit and per outward call.
//!
//! Without the feature `faults` a point is nothing. With it, the program dies as by SIGKILL at a point that the file named
//! by `arm` holds, one name a line; the name is removed first, so a point kills once. Where a file of the same name
//! with the extension `passed` exists, each point passed is added to it.

#[cfg(feature = "faults")]
mod armed {
    use std::collections::HashSet;
    use std::io::Write;
    use std::path::PathBuf;
    use std::sync::{Mutex, OnceLock, PoisonError};

    struct Armed {
        file: PathBuf,
        /// Points this process has added to the record; the lock also keeps two points from one file.
        passed: Mutex<HashSet<String>>,
    }

    static ARMED: OnceLock<Armed> = OnceLock::new();

    /// Names the file that arms points. Called once, by `main`.
    pub fn arm(file: PathBuf) {
        let _ = ARMED.set(Armed {
            file,
            passed: Mutex::default(),
        });
    }

    /// Passes a point.
    pub fn point(name: &str) {
        let Some(armed) = ARMED.get() else { return };
        let mut passed = armed.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let record = armed.file.with_extension("passed");
        if !passed.contains(name) && record.exists() {
            let open = std::fs::OpenOptions::new().append(true).open(record);
            if open.and_then(|mut record| writeln!(record, "{name}")).is_ok() {
                passed.insert(name.to_owned());
            }
        }
        let Ok(wanted) = std::fs::read_to_string(&armed.file) else {
            return;
        };
        let others: Vec<&str> = wanted.lines().filter(|line| *line != name).collect();
        if others.len() < wanted.lines().count() && std::fs::write(&armed.file, others.join("\n")).is_ok() {
            tracing::error!(fault.point = name, "dying at a fault point");
            std::process::abort();
        }
    }
}

#[cfg(feature = "faults")]
pub use armed::{arm, point};

/// Passes a point.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point(_name: &str) {}
