//! Fault points: named places where a test kills the program, one per commit and per outward call.
//!
//! Without the feature `faults` a point is nothing. With it, the program dies as by SIGKILL when the file named by
//! [`arm`] holds the point's name; the file is removed first, so a program dies once.

#[cfg(feature = "faults")]
static ARMED: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();

/// Names the file that arms points. Called once, by `main`.
#[cfg(feature = "faults")]
pub fn arm(file: std::path::PathBuf) {
    let _ = ARMED.set(file);
}

/// Passes a point.
#[cfg(feature = "faults")]
pub fn point(name: &str) {
    let Some(file) = ARMED.get() else { return };
    let Ok(wanted) = std::fs::read_to_string(file) else {
        return;
    };
    if wanted.trim() == name && std::fs::remove_file(file).is_ok() {
        tracing::error!(fault.point = name, "dying at a fault point");
        std::process::abort();
    }
}

/// Passes a point.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point(_name: &str) {}
